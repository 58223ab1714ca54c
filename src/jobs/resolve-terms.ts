import type { ModelRecord } from '../../schemas/model.ts'
import type { SearchRequest } from '../../schemas/search.ts'
import type { TermRequest, TermTestRequest, ThresholdRequest } from '../../schemas/search-terms.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { Threshold } from '../search/threshold.ts'
import type { Stores } from './resolve-evaluation.ts'
import { resolveScoring } from './resolve-scoring.ts'
import type { SearchTerm, TermScoring } from './search-term.ts'

/** A term of a request with its test, and the fields of the request that hold them. */
type RequestedTerm = {
  selection: TermRequest & { weight?: number; atLeast?: ThresholdRequest | undefined }
  test: TermTestRequest | undefined
  fields: { selection: string; test: string }
}

/**
 * Finds the data sets and the scoring metrics of all terms of a search, and checks that they fit the model and each other.
 * @param model the model whose inputs and outputs every soup has
 * @throws TureenError as {@link resolveScoring} does, and `TUREEN_REQUEST_INVALID` for terms that do not fit each other
 */
export async function resolveTerms(request: SearchRequest, model: ModelRecord, stores: Stores): Promise<SearchTerm[]> {
  const terms: SearchTerm[] = []
  for (const { selection, test, fields } of requestedTerms(request)) {
    const { weight = 1, atLeast } = selection
    refuseWithoutBase(atLeast, request.base, fields.selection)
    terms.push({
      weight,
      atLeast: atLeast === undefined ? null : thresholdOf(atLeast),
      selection: await resolveSelection(selection, fields.selection, model, stores),
      test: test ? await resolveTest(test, selection, fields, model, stores) : null,
    })
  }
  refuseRepeated(terms)
  return terms
}

/** Pairs the terms of a request with their tests. @throws TureenError `TUREEN_REQUEST_INVALID` if they do not pair */
function requestedTerms({ selection, test }: SearchRequest): RequestedTerm[] {
  if (!Array.isArray(selection)) {
    if (Array.isArray(test)) {
      const message = 'is a list, and selection is none; send one test, or a list as selection'
      throw invalid({ field: 'test', expected: 'an object', actual: `a list of ${test.length}`, message })
    }
    return [{ selection, test, fields: { selection: 'selection', test: 'test' } }]
  }
  if (test !== undefined && !Array.isArray(test)) {
    const message = 'is no list, and selection is one; send one test for each term, in the order of selection'
    throw invalid({ field: 'test', expected: `a list of ${selection.length}`, actual: 'an object', message })
  }
  if (test !== undefined && test.length !== selection.length) {
    const message = `has ${test.length} entries, and selection has ${selection.length}; send one test for each term, in the order of selection`
    throw invalid({
      field: 'test',
      expected: `a list of ${selection.length}`,
      actual: `a list of ${test.length}`,
      message,
    })
  }
  return selection.map((each, index) => ({
    selection: each,
    test: test?.[index],
    fields: { selection: `selection.${index}`, test: `test.${index}` },
  }))
}

async function resolveSelection(
  request: TermRequest,
  field: string,
  model: ModelRecord,
  stores: Stores,
): Promise<TermScoring> {
  if ('external' in request)
    return { kind: 'external', scorer: request.external, direction: request.direction, reuse: request.reuse }
  return { kind: 'dataset', ...(await resolveScoring(field, request, model, stores)) }
}

async function resolveTest(
  test: TermTestRequest,
  selection: TermRequest,
  fields: RequestedTerm['fields'],
  model: ModelRecord,
  stores: Stores,
): Promise<TermScoring> {
  if ('external' in selection) {
    if ('dataset' in test) {
      const message = `has a data set, and ${fields.selection} is a scorer; send {} or {"external": ...}`
      throw invalid({ field: `${fields.test}.dataset`, expected: 'no data set', actual: test.dataset, message })
    }
    return resolveSelection({ ...selection, external: test.external ?? selection.external }, fields.test, model, stores)
  }
  if (!('dataset' in test)) {
    const message =
      test.external === undefined
        ? 'is missing; send the data set that scores the result at the end, or leave test out'
        : `is missing: ${fields.selection} is a data set, so the test is one; send a data set`
    throw invalid({ field: `${fields.test}.dataset`, expected: 'a data set', message })
  }
  const { weight: _, atLeast: __, ...own } = { weight: 1, atLeast: undefined, ...selection }
  const merged = { ...own, ...test, metric: test.metric ?? selection.metric }
  return { kind: 'dataset', ...(await resolveScoring(fields.test, merged, model, stores)) }
}

function thresholdOf(request: ThresholdRequest): Threshold {
  return typeof request === 'string' ? { of: request, margin: 0 } : request
}

function refuseWithoutBase(atLeast: ThresholdRequest | undefined, base: string | undefined, field: string): void {
  const needsBase = atLeast === 'base' || (typeof atLeast === 'object' && atLeast.of === 'base')
  if (!needsBase || base !== undefined) return
  const message = 'compares candidates with the base, and the request has none; send base, or another atLeast'
  throw invalid({ field: `${field}.atLeast`, expected: 'a request with base', actual: 'no base', message })
}

/** Refuses the same scores in two terms. @throws TureenError `TUREEN_REQUEST_INVALID` */
function refuseRepeated(terms: readonly SearchTerm[]): void {
  const keys = terms.map(({ selection }) => keyOf(selection))
  const later = keys.findIndex((key, index) => keys.indexOf(key) < index)
  if (later < 0) return
  const earlier = keys.indexOf(keys[later] ?? '')
  const what = terms[later]?.selection.kind === 'external' ? 'the same scorer' : 'the same data set, metric and arrays'
  const sum = (terms[earlier]?.weight ?? 0) + (terms[later]?.weight ?? 0)
  const message = `has ${what} as selection.${earlier}; send one term of weight ${sum}`
  throw invalid({ field: `selection.${later}`, expected: 'another scoring', actual: what, message })
}

/** Returns a text that two scorings share if they give the same scores. */
function keyOf(scoring: TermScoring): string {
  if (scoring.kind === 'external') return JSON.stringify([scoring.scorer.name, scoring.scorer.version])
  const { dataset, metric } = scoring
  const { batchSize: _, ...bound } = dataset.binding
  return JSON.stringify([dataset.sha256, bound, metric.identity])
}

function invalid(cause: ProblemItem): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The search cannot be made: ${cause.field} ${cause.message}.`, [
    cause,
  ])
}
