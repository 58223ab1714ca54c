import { z } from 'zod'
import type { PlaceOptions } from './connection.ts'
import { findInput, isReference, type NamedInput } from './inputs.ts'
import { isFile } from './local-files.ts'
import { UsageMistake } from './mistakes.ts'
import { readMetric } from './option-values.ts'
import type { Uploads } from './uploads.ts'

/** Options of a search that name data sets and scoring metrics. */
export const dataOptions = {
  data: z.array(z.string()).optional(),
  test: z.array(z.string()).optional(),
  metric: z.array(z.string()).optional(),
}

type GivenMetric = ReturnType<typeof readMetric>

/** One data set of a search. `weight`: of its term, if it is given. */
type AskedTerm = { input: NamedInput; metric: GivenMetric; weight: number | undefined; test: NamedInput | undefined }

/** The data sets of a search. */
export type AskedData = readonly [AskedTerm, ...AskedTerm[]]

/** The metric of a search that names none. */
const usualMetric = 'accuracy'

/**
 * Finds the data sets of a search: `FILE`, or `FILE:WEIGHT`. A metric holds for all, or there is one for each.
 * @throws UsageMistake if there are not as many tests or metrics as data sets
 */
export async function findData(
  { data, test, metric = [usualMetric] }: z.infer<z.ZodObject<typeof dataOptions>> & { data: readonly string[] },
  options: PlaceOptions,
): Promise<AskedData> {
  if (test !== undefined && test.length !== data.length)
    throw new UsageMistake(
      `There are ${data.length} data sets in --data and ${test.length} in --test. Give one test for each, in the same order, or none.`,
    )
  if (metric.length > 1 && metric.length !== data.length)
    throw new UsageMistake(
      `There are ${data.length} data sets in --data and ${metric.length} metrics. Give one metric for all, or one for each, in the same order.`,
    )
  const terms: AskedTerm[] = []
  for (const [index, text] of data.entries()) {
    const { name, weight } = await weighedName(text)
    const tested = test?.[index]
    terms.push({
      input: await findInput(name, options),
      metric: readMetric(metric[index] ?? metric[0] ?? usualMetric),
      weight,
      test: tested === undefined ? undefined : await findInput(tested, options),
    })
  }
  const [first, ...others] = terms
  if (!first) throw new UsageMistake('A search needs a data set. Name one with --data.')
  return [first, ...others]
}

/** Splits `FILE:WEIGHT`. A file that has the whole text as its name goes before, and so does a digest. */
async function weighedName(text: string): Promise<{ name: string; weight: number | undefined }> {
  const [, name, weight] = /^(.+):([^:/\\]+)$/s.exec(text) ?? []
  if (name === undefined || weight === undefined || isReference(text) || (await isFile(text)))
    return { name: text, weight: undefined }
  const number = Number(weight)
  if (Number.isFinite(number) && number > 0) return { name, weight: number }
  throw new UsageMistake(`--data ${text}: the weight ${weight} must be a number above 0, such as 0.5.`)
}

/**
 * Returns `selection` and `test` of a search, once the data sets are where it works. Several data sets, and one with a weight, make a list.
 * @param scoring arrays and batch size, the same for all
 */
export async function selectionOf(terms: AskedData, scoring: object, uploads: Uploads) {
  const known = new Map<string, Promise<string>>()
  const idOf = (input: NamedInput) => {
    const key = input.kind === 'file' ? input.path : input.id
    const id = known.get(key) ?? uploads.dataset(input)
    known.set(key, id)
    return id
  }
  const selections: { dataset: string; metric: GivenMetric; weight?: number }[] = []
  const tests: { dataset: string }[] = []
  for (const { input, metric, weight, test } of terms) {
    selections.push({ dataset: await idOf(input), metric, ...scoring, ...(weight === undefined ? {} : { weight }) })
    if (test) tests.push({ dataset: await idOf(test) })
  }
  const isList = terms.length > 1 || terms[0].weight !== undefined
  const [test] = tests
  const [selection] = selections
  return {
    selection: isList || selection === undefined ? selections : selection,
    ...(test === undefined ? {} : { test: isList ? tests : test }),
  }
}
