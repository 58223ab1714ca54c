import { z } from 'zod'
import type { PlaceOptions } from './connection.ts'
import { findInput, isReference, type NamedInput } from './inputs.ts'
import { isFile } from './local-files.ts'
import { UsageMistake } from './mistakes.ts'
import { readMetric, readWeight } from './option-values.ts'

/** Options of a search that name data sets and scoring metrics. */
export const dataOptions = {
  data: z.array(z.string()).optional(),
  test: z.array(z.string()).optional(),
  metric: z.array(z.string()).optional(),
}

export type GivenMetric = ReturnType<typeof readMetric>

/** One data set of a search. `weight`: of its term, if it is given. */
export type AskedTerm = {
  input: NamedInput
  metric: GivenMetric
  weight: number | undefined
  test: NamedInput | undefined
}

/** The data sets of a search; none if all scores come from a command. */
export type AskedData = readonly AskedTerm[]

/** The metric of a search that names none. */
const usualMetric = 'accuracy'

/**
 * Finds the data sets of a search: `FILE`, or `FILE:WEIGHT`. A metric holds for all, or there is one for each.
 * @throws UsageMistake if there are not as many tests or metrics as data sets
 */
export async function findData(
  { data = [], test, metric = [usualMetric] }: z.infer<z.ZodObject<typeof dataOptions>>,
  options: PlaceOptions,
): Promise<AskedData> {
  if (test !== undefined && test.length !== data.length)
    throw new UsageMistake(
      `There are ${data.length} data sets in --data and ${test.length} in --test. Give one test for each, in the same order, or none.`,
    )
  if (data.length > 0 && metric.length > 1 && metric.length !== data.length)
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
  return terms
}

/** Splits `FILE:WEIGHT`. A file that has the whole text as its name goes before, and so does a digest. */
async function weighedName(text: string): Promise<{ name: string; weight: number | undefined }> {
  const [, name, weight] = /^(.+):([^:/\\]+)$/s.exec(text) ?? []
  if (name === undefined || weight === undefined || isReference(text) || (await isFile(text)))
    return { name: text, weight: undefined }
  return { name, weight: readWeight(`--data ${text}`, weight) }
}
