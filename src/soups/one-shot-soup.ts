import { open } from 'node:fs/promises'
import { type SoupRecipe, type SoupReport, soupRecipe } from '../../schemas/soup.ts'
import { checkpointFormat } from '../checkpoint/recognise.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { type MergeInputs, mergeInputs } from '../merge/merge-inputs.ts'
import { isMergekitConfig } from '../merge/mergekit-config.ts'
import { methodSettings } from '../merge/method-settings.ts'
import { modelDigest } from '../models/model-digest.ts'
import { memorySource } from '../onnx/byte-source.ts'
import { ownTurn } from '../own-turn.ts'
import { requireKeepable } from '../received-text.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import { bytesOf } from '../storage/model-paths.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { invalidFields } from '../unknown-fields.ts'
import { requireBoundedJson } from '../validation/bounded-json.ts'
import { boundedParse } from '../validation/bounded-parse.ts'
import { type ToldCauses, toldCauses, toldFindings } from '../validation/told-causes.ts'
import { mergekitSoup } from './mergekit-soup.ts'
import type { SoupModel } from './soup-model.ts'

/** Error codes of {@link makeSoup} and {@link parseSoupRecipe}. */
export const soupErrors = [
  'TUREEN_REQUEST_INVALID',
  ...threadErrors.readYaml,
  ...threadErrors.merge,
  'TUREEN_STORE_FULL',
] as const satisfies readonly ErrorCode[]

/** A one-shot soup. The caller must remove its file. `filename`: the name under which a client gets it. */
export type Soup = { path: string; report: SoupReport; filename: string }

/**
 * Merges the models of one request into one file, external data included.
 *
 * @throws TureenError if the recipe does not fit the models, or the models do not fit each other
 */
export async function makeSoup(
  models: readonly SoupModel[],
  recipe: SoupRecipe,
  contentFiles: ContentFiles,
  threads: ThreadPool,
  signal: AbortSignal,
): Promise<Soup> {
  const started = performance.now()
  const { inputs, settings } = soupMerge(models, recipe)
  return contentFiles.makeOutput(await bytesOf(inputs.base), async output => {
    const { files: written, report } = await threads.merge({ inputs, settings, output, durable: false }, { signal })
    const [soup] = written
    if (!soup) throw new RangeError('a merge without a file')
    const { path, bytes, sha256 } = soup
    const filename = (await isCheckpoint(path)) ? 'soup.safetensors' : 'soup.onnx'
    return { path, filename, report: { ...report, seconds: (performance.now() - started) / 1000, sha256, bytes } }
  })
}

/** Bytes at the beginning of a soup that tell its format. */
const headBytes = 4096

/** True if a soup is a checkpoint: then all of the models were checkpoints. */
async function isCheckpoint(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return checkpointFormat(memorySource(buffer.subarray(0, bytesRead))) !== null
  } finally {
    await file.close()
  }
}

/**
 * Reads the recipe from a form field or from query parameters. It returns it with the models in the order of the recipe.
 * @throws TureenError `TUREEN_REQUEST_INVALID` that names the field
 */
export async function parseSoupRecipe(
  sent: readonly SoupModel[],
  text: string | undefined,
  weights: number[] | undefined,
  threads: Pick<ThreadPool, 'readYaml'>,
): Promise<{ models: readonly SoupModel[]; recipe: SoupRecipe }> {
  if (text !== undefined && weights !== undefined)
    throw invalid([{ field: 'weights', message: 'is given twice, by itself and beside a recipe; leave one out' }])
  const document = text === undefined ? { weights } : await parseText(text, threads)
  const { models, recipe } = isMergekitConfig(document)
    ? inRecipe(() => mergekitSoup(sent, document))
    : { models: sent, recipe: document }
  const parsed = boundedParse(soupRecipe, recipe)
  if (parsed.success) return { models, recipe: parsed.data }
  throw refused(toldFindings(parsed, issue => invalidFields([issue], 'recipe', soupRecipe, recipe)))
}

function soupMerge(
  sent: readonly SoupModel[],
  recipe: SoupRecipe,
): { inputs: MergeInputs<MergeFile>; settings: MergeSettings } {
  const inField = (name: string) => sent.filter(({ field }) => field === name).map(toFile)
  const [models, bases, fishers] = [inField('model'), inField('base'), inField('fisher')]
  if (models.length === 0)
    throw invalid([{ field: 'model', expected: 'at least 1 model', message: 'at least one model part is needed' }])
  if (bases.length > 1)
    throw invalid([
      {
        field: 'base',
        expected: '1 part',
        actual: `${bases.length} parts`,
        message: 'is sent twice; send one part named base',
      },
    ])
  const weights = recipe.weights ?? recipe.models?.map(({ weight }) => weight) ?? models.map(() => 1)
  if (weights.length !== models.length) {
    throw invalid([
      {
        field: 'weights',
        message: `there are ${weights.length} weights for ${models.length} models`,
        expected: `${models.length} weights`,
        actual: `${weights.length} weights`,
      },
    ])
  }
  const hasBase = recipe.base !== undefined || bases.length > 0
  const settings = inRecipe(() => methodSettings(recipe, { weights, hasBase, fishers: fishers.length }))
  if (fishers.length > models.length)
    throw invalid([
      {
        field: 'fisher',
        expected: `${models.length} parts`,
        actual: `${fishers.length} parts`,
        message: `there are ${fishers.length} for ${models.length} models`,
      },
    ])
  for (const [index, { id, fisher }] of recipe.models?.entries() ?? []) {
    requireDigest(id, models[index], `recipe.models.${index}.id`)
    requireDigest(fisher, fishers[index], `recipe.models.${index}.fisher`)
  }
  const weighted = models.map((file, index) => ({ ...file, weight: weights[index] ?? 1 }))
  const inputs = mergeInputs(weighted, baseAmong(models, bases[0], recipe.base), fishers)
  const { nonFloat, outputDtype, onNonFinite, provenance, blocks, notes } = recipe
  const chosen = {
    nonFloat,
    ...(outputDtype ? { outputDtype } : {}),
    onNonFinite,
    provenance,
    ...(blocks === undefined ? {} : { blocks }),
    ...(notes ? { notes } : {}),
  }
  return { inputs, settings: { ...settings, ...chosen, inline: true } }
}

/** Runs a step that reads the recipe, and prefixes the fields in its errors with `recipe.`. */
function inRecipe<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof TureenError) || error.code !== 'TUREEN_REQUEST_INVALID') throw error
    const errors = error.errors.map(item => ({ ...item, field: `recipe.${item.field}` }))
    throw new TureenError(error.code, error.message, errors, { cause: error })
  }
}

function toFile({ label, files: [main, ...data] }: SoupModel): MergeFile {
  return {
    label,
    sha256: modelDigest([main, ...data]),
    path: main.path,
    data: data.map(({ location, path }) => ({ location, path })),
    isUnchecked: true,
  }
}

/** The model that a recipe names as the base by its digest, or that was sent as such; undefined if there is neither. */
function baseAmong(
  models: readonly MergeFile[],
  sent: MergeFile | undefined,
  digest: string | undefined,
): MergeFile | undefined {
  if (sent) requireDigest(digest, sent, 'recipe.base')
  const base = sent ?? models.find(({ sha256 }) => sha256 === digest)
  if (base || digest === undefined) return base
  const message =
    'is not the digest of any of the models that were sent; send one that is not averaged as a part named base'
  throw invalid([
    { field: 'recipe.base', expected: models.map(({ sha256 }) => sha256).join(', '), actual: digest, message },
  ])
}

function requireDigest(wanted: string | undefined, file: MergeFile | undefined, field: string): void {
  if (wanted === undefined || file?.sha256 === wanted) return
  const actual = file?.sha256 ?? 'missing'
  throw invalid([{ field, expected: wanted, actual, message: `the model sent in this place is ${actual}` }])
}

/** Parses a recipe, first as JSON and then as YAML. JSON is also YAML, but its parser is faster. */
async function parseText(text: string, { readYaml }: Pick<ThreadPool, 'readYaml'>): Promise<unknown> {
  requireBoundedJson(text)
  const json = parseJson(text)
  try {
    if (json === undefined) return await readYaml(text)
    // Each step takes milliseconds for tens of thousands of keys.
    await ownTurn()
    requireKeepable(json.value)
    await ownTurn()
    return json.value
  } catch (error) {
    if (!(error instanceof TureenError)) throw error
    if (error.code === 'TUREEN_BODY_MALFORMED')
      throw invalid([
        { field: 'recipe', expected: 'JSON or YAML', message: `is neither JSON nor YAML: ${error.message}` },
      ])
    if (error.code === 'TUREEN_REQUEST_INVALID')
      throw invalid(error.errors.map(item => ({ ...item, field: `recipe.${item.field}` })))
    throw error
  }
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

function invalid(causes: ProblemItem[]): TureenError {
  return refused(toldCauses(causes))
}

function refused({ errors, list }: ToldCauses): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The soup cannot be made: ${list}.`, errors)
}
