import { z } from 'zod'
import { resultOf } from '../client/index.ts'
import type { MergeResult } from '../schemas/merge.ts'
import type { ModelRecord } from '../schemas/model.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { createUploads, findInput, type NamedInput } from './inputs.ts'
import { warnOfIsolation } from './isolation.ts'
import { isKeptBy, runJob } from './jobs.ts'
import { requireWritable, writeText } from './local-files.ts'
import { addMergeOptions, findMergeSources, type MergeSources, mergeOptions, mergeSettingsOf } from './merge-options.ts'
import { exitCodes, UsageMistake } from './mistakes.ts'
import { readNumbers } from './option-values.ts'
import { type RecipeFile, readRecipe, readRules } from './recipe-file.ts'
import { recipeText } from './recipe-text.ts'
import { saveModel } from './save-model.ts'
import { runSession, type Session } from './session.ts'
import { mergedModels } from './soup-models.ts'
import { plain, shownBytes } from './terminal.ts'

const soupOptions = z.object({
  ...commonOptions,
  ...mergeOptions,
  output: z.string(),
  weights: z.string().optional(),
  normalize: z.boolean().default(true),
  recipe: z.string().optional(),
  rules: z.string().optional(),
  recipeOut: z.string().optional(),
})

type SoupArguments = z.infer<typeof soupOptions>

/** The arguments of the command, checked. */
type Asked = MergeSources & {
  models: NamedInput[]
  weights: number[] | undefined
  recipe: RecipeFile
  rules: unknown[] | undefined
}

/** `tureen soup`: merges models into one file. */
export async function soupCommand(given: readonly string[]): Promise<void> {
  const command = addMergeOptions(
    createCommand('soup', 'Merge models into one, weight by weight.')
      .argument('<models...>', 'ONNX files, at least one')
      .requiredOption('-o, --output <file>', 'file for the soup')
      .option('--weights <numbers>', 'one weight for each model, such as 2,3')
      .option('--no-normalize', 'do not divide by the sum of the weights: scale and add'),
  )
    .option('--recipe <file>', 'recipe in JSON or YAML; other options go before what it says')
    .option('--rules <file>', 'rules for groups of tensors, in JSON or YAML')
    .option('--recipe-out <file>', 'write the recipe that makes this soup again, in JSON, or YAML if the name ends so')
  const { options, names } = readCommand(command, soupOptions, given)
  await runSession(
    'soup',
    options,
    () => prepare(options, names),
    (session, asked) => act(session, options, asked),
  )
}

async function prepare(options: SoupArguments, names: readonly string[]): Promise<Asked> {
  const models: NamedInput[] = []
  for (const name of names) models.push(await findInput(name, options))
  const weights = options.weights === undefined ? undefined : readNumbers('--weights', options.weights)
  if (weights && weights.length !== models.length)
    throw new UsageMistake(
      `--weights ${options.weights}: has ${weights.length} weights, and there are ${models.length} models. Give one for each.`,
    )
  for (const path of [options.output, options.recipeOut])
    if (path !== undefined) await requireWritable(path, options.force)
  const recipe = options.recipe === undefined ? {} : await readRecipe(options.recipe)
  const rules = options.rules === undefined ? undefined : await readRules(options.rules)
  return { models, weights, recipe, rules, ...(await findMergeSources(options)) }
}

async function act(session: Session, options: SoupArguments, asked: Asked): Promise<number> {
  const { client, reporter, afterwards } = session
  const isKept = isKeptBy(session, options.keep)
  if (asked.recalibrate) await warnOfIsolation(session)
  const uploads = createUploads(session, options.keep)
  const models: ModelRecord[] = []
  for (const input of asked.models) models.push(await uploads.model(input))
  const base = asked.base && (await uploads.model(asked.base))
  const data = asked.recalibrate && (await uploads.dataset(asked.recalibrate))
  const body = bodyOf(options, asked, models, base, data)
  const { labels, ttl } = uploads
  // A text, which the server reads as YAML and so as JSON: it checks what files say, and tells all that is wrong.
  const text = JSON.stringify({ ...body, labels, ttl })
  const job = await runJob<'merge'>(session, isKept, started => client.createMerge(text, started))
  const result = resultOf(job)
  if (!isKept) afterwards(() => client.deleteModel(result.model.id))
  const recipe = options.recipeOut && (await recipeText(session, result.model.id, options.recipeOut))
  await saveModel(session, result.model.id, options.output, options.force)
  if (options.recipeOut && recipe) await writeText(options.recipeOut, recipe)
  reporter.document(job)
  reporter.warn(result.report.warnings)
  reporter.tell(...shown(options.output, result))
  return exitCodes.done
}

/** Returns the request of the merge. Options go before the recipe. */
function bodyOf(
  options: SoupArguments,
  { weights, recipe, rules }: Asked,
  models: readonly ModelRecord[],
  base: ModelRecord | undefined,
  data: string | undefined,
) {
  const { weights: _, models: _named, recalibrate, ...settings } = recipe
  return {
    ...settings,
    models: mergedModels(recipe, models, weights),
    ...mergeSettingsOf(options),
    ...(base === undefined ? {} : { base: base.id }),
    ...(rules === undefined ? {} : { rules }),
    ...(options.normalize ? {} : { normalize: false }),
    ...(data === undefined ? { recalibrate } : { recalibrate: { ...Object(recalibrate), dataset: data } }),
  }
}

/** Returns what a person wants to know about a soup. */
function shown(path: string, { model, models = [], report }: MergeResult): string[] {
  const { averaged, copied, nonFloat } = report.tensors
  const names = models.map(({ id, name }) => name ?? id).join(', ')
  const lines = [
    `${path}: ${shownBytes(model.bytes)}, of ${names}`,
    `${averaged} tensors averaged, ${copied} floats and ${nonFloat} others copied`,
  ]
  if (report.recalibration) lines.push(`batch norms measured on ${report.recalibration.samples} samples`)
  return lines.map(plain)
}
