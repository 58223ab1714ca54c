import type { NamedModel } from '../../schemas/common.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import type { SearchRequest } from '../../schemas/search.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { SearchInputs } from '../merge/merge-inputs.ts'
import type { SearchDimension } from '../search/dimension.ts'
import type { SearchedMethod } from '../search/search.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import { findInputs } from './find-inputs.ts'
import { type Recalibration, resolveRecalibration } from './recalibration.ts'
import type { Stores } from './resolve-evaluation.ts'
import { resolveTerms } from './resolve-terms.ts'
import { searchedSettings } from './search-dimensions.ts'
import { datasetScorings, type SearchTerm } from './search-term.ts'

/**
 * A model of a search. `standsForItself`: true if its own file can run in place of a soup of this model alone. Then its inputs and
 * outputs have the base's names, and its weights keep their type.
 */
export type SearchedModel = NamedModel & { paths: ModelPaths; standsForItself: boolean }

/** A search request after its records are found, and after all checks that need not read the models. */
export type ResolvedSearch = {
  models: SearchedModel[]
  inputs: SearchInputs<MergeFile>
  /** Globs on tensor names that have weights of their own. */
  groups: readonly string[]
  settings: MergeSettings
  /** Parameters of the merge method to search. */
  dimensions: readonly SearchDimension[]
  method: SearchedMethod
  /** One or more. Either all of them have a test, or none. */
  terms: readonly SearchTerm[]
  /** True if the request has a list of terms, also of only one: then candidates rank by the objective. */
  isList: boolean
  /** The base that the request names. */
  base: SearchedModel | null
  recalibration: Recalibration | null
  inputIds: string[]
}

/**
 * Finds the records of a search request, and checks its settings.
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_DATASET_MISMATCH`, `TUREEN_METRIC_MISMATCH`,
 *   `TUREEN_REQUEST_INVALID`, `TUREEN_SEARCH_TOO_LARGE`
 */
export async function resolveSearch(request: SearchRequest, stores: Stores): Promise<ResolvedSearch> {
  requirePossible(request)
  const { strategy, nonFloat, outputDtype, onNonFinite } = request
  const found = await findInputs(
    { base: request.base, models: request.models.map(model => ({ ...model, weight: 1 })) },
    stores.models,
  )
  const records = found.models
  const [first] = records
  const bound = found.base ?? first
  if (!bound) throw invalid([{ field: 'models', message: 'a search chooses among at least two models' }])
  const namedPaths = (record: ModelRecord) => ({
    id: record.id,
    name: record.name,
    sha256: record.sha256,
    paths: stores.models.paths(record),
  })
  const models = records.map(record => ({
    ...namedPaths(record),
    standsForItself: outputDtype === undefined && interfaceOf(record) === interfaceOf(bound),
  }))
  const { inputs } = found
  const sharedBase = records.every(record => isAlike(record, bound)) ? null : (inputs.models[0] ?? null)
  const groups = 'groups' in strategy ? strategy.groups : []
  const rules = groups.map(match => ({ match, weights: models.map(() => 1) }))
  const { settings, dimensions, method } = searchedSettings(
    request,
    { weights: models.map(() => 1), hasBase: found.base !== null, fishers: inputs.companions.length },
    rules,
  )
  const terms = await resolveTerms(request, bound, stores)
  const recalibration = request.recalibrate ? await resolveRecalibration(request.recalibrate, bound, stores) : null
  return {
    models,
    inputs: { ...inputs, base: inputs.base ?? sharedBase },
    groups,
    settings: {
      ...settings,
      nonFloat,
      ...(outputDtype ? { outputDtype } : {}),
      onNonFinite,
      provenance: false,
      ...(recalibration ? { recalibrate: recalibration.recipe } : {}),
    },
    dimensions,
    method,
    terms,
    isList: Array.isArray(request.selection),
    base: found.base && { ...namedPaths(found.base), standsForItself: true },
    recalibration,
    inputIds: [
      ...found.inputIds,
      ...(recalibration?.inputIds ?? []),
      ...datasetScorings(terms).flatMap(({ dataset, metric }) => [
        dataset.id,
        ...(metric.modelId ? [metric.modelId] : []),
      ]),
    ],
  }
}

/** True if soups with either model as base have the same interface and structure. */
function isAlike(a: ModelRecord, b: ModelRecord): boolean {
  return interfaceOf(a) === interfaceOf(b) && a.fingerprint === b.fingerprint && a.tensorCount === b.tensorCount
}

function interfaceOf({ inputs, outputs }: ModelRecord): string {
  return JSON.stringify([inputs, outputs].map(values => values.map(({ name }) => name)))
}

function tooFewModels(count: number): ProblemItem {
  const message = 'a search chooses among at least two models'
  return { field: 'models', expected: 'at least 2 models', actual: `${count}`, message }
}

function requirePossible({ models, strategy, guard, test }: SearchRequest): void {
  if (guard && !test) {
    const message =
      'guard chooses between the winner and the best single model by test, and there is no test; send test, or leave guard out'
    throw invalid([{ field: 'guard', expected: 'a test data set', actual: 'no test', message }])
  }
  const hasParameters =
    ('parameter' in strategy && strategy.parameter !== undefined) || ('parameters' in strategy && strategy.parameters)
  if (models.length < 2 && !hasParameters) throw invalid([tooFewModels(models.length)])
  if (strategy.type === 'sweep' && !hasParameters && models.length !== 2) {
    const message = `a sweep follows the line between two models, and there are ${models.length}`
    throw invalid([{ field: 'models', expected: '2 models', actual: `${models.length}`, message }])
  }
  if (strategy.type === 'exhaustive' && models.length > strategy.maxModels) {
    const candidates = 2 ** models.length - 1
    const message = `${models.length} models have ${candidates.toLocaleString('en')} soups`
    throw new TureenError(
      'TUREEN_SEARCH_TOO_LARGE',
      `An exhaustive search scores every soup, and ${message}; strategy.maxModels is ${strategy.maxModels}. Search greedily, leave the worst models out, or raise strategy.maxModels (16 at most).`,
      [{ field: 'models', expected: `${strategy.maxModels} models at most`, actual: `${models.length}`, message }],
    )
  }
}

function invalid(errors: ProblemItem[]): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The search cannot be made: ${errors[0]?.message}.`, errors)
}
