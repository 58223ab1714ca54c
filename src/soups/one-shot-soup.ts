import { type SoupRecipe, soupRecipe } from '../../schemas/merge.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { tensorSums } from '../merge/tensor-sums.ts'
import { modelDigest } from '../models/model-files.ts'
import type { ReceivedData } from '../models/model-store.ts'
import type { Artifacts } from '../storage/artifacts.ts'
import type { MergeFile } from '../threads/merge-inputs.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** A model that was sent along: the files it was received into, its own first, and what the client calls it. */
export type SoupModel = { label: string; files: readonly [ReceivedData, ...ReceivedData[]] }

/** A soup that nobody keeps, as a file that is the caller's to remove. */
export type Soup = { path: string; bytes: number; sha256: string }

/**
 * Merges models that were sent with one request, into one file also where their weights came in several.
 *
 * @throws TureenError if the recipe does not fit the models, or the models do not fit each other
 */
export async function makeSoup(
  models: readonly SoupModel[],
  recipe: SoupRecipe,
  artifacts: Artifacts,
  threads: ThreadPool,
  signal: AbortSignal,
): Promise<Soup> {
  const { files, settings } = soupMerge(models, recipe)
  const output = artifacts.incomingPath()
  try {
    const { files: written } = await threads.merge(files, settings, { output, durable: false, signal })
    const [soup] = written
    if (!soup) throw new RangeError('a merge without a file')
    return { path: soup.path, bytes: soup.bytes, sha256: soup.sha256 }
  } catch (error) {
    await artifacts.discard(output)
    throw error
  }
}

/** The recipe that a client sent as a form field, or the one that query parameters make. */
export async function parseSoupRecipe(
  field: unknown,
  weights: number[] | undefined,
  threads: Pick<ThreadPool, 'readYaml'>,
): Promise<SoupRecipe> {
  if (field !== undefined && weights !== undefined)
    throw invalid([{ field: 'weights', message: 'is given twice, in the query and beside a recipe' }])
  const parsed = soupRecipe.safeParse(
    field === undefined ? { weights } : typeof field === 'string' ? await parseText(field, threads) : field,
  )
  if (parsed.success) return parsed.data
  throw invalid(parsed.error.issues.map(({ path, message }) => ({ field: ['recipe', ...path].join('.'), message })))
}

function soupMerge(models: readonly SoupModel[], recipe: SoupRecipe): { files: MergeFile[]; settings: MergeSettings } {
  if (models.length === 0) throw invalid([{ field: 'model', message: 'at least one model part is needed' }])
  const { method, normalize, rules, nonFloat, provenance } = recipe
  const weights = recipe.weights ?? recipe.models?.map(({ weight }) => weight) ?? models.map(() => 1)
  if (weights.length !== models.length) {
    throw invalid([{ field: 'weights', message: `there are ${weights.length} weights for ${models.length} models` }])
  }
  tensorSums(weights, recipe)
  const digests = models.map(({ files }) => modelDigest(files))
  recipe.models?.forEach(({ id }, index) => {
    if (id === undefined || digests[index] === id) return
    throw invalid([
      { field: `recipe.models.${index}.id`, message: `the model sent in this place is ${digests[index]}` },
    ])
  })
  const base = recipe.base === undefined ? 0 : digests.indexOf(recipe.base)
  if (base < 0)
    throw invalid([{ field: 'recipe.base', message: 'is not the digest of any of the models that were sent' }])
  const files = models.map(({ label, files: [main, ...data] }, index) => ({
    label,
    sha256: digests[index] ?? '',
    path: main.path,
    data: data.map(({ location, path }) => ({ location, path })),
    weight: weights[index] ?? 1,
  }))
  return { files, settings: { method, normalize, rules, nonFloat, provenance, base, inline: true } }
}

/** JSON is YAML as well, but has the faster reader. */
async function parseText(text: string, { readYaml }: Pick<ThreadPool, 'readYaml'>): Promise<unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return readYaml(text).catch((error: unknown) => {
      if (!(error instanceof TureenError) || error.code !== 'TUREEN_BODY_MALFORMED') throw error
      throw invalid([{ field: 'recipe', message: `is neither JSON nor YAML: ${error.message}` }])
    })
  }
}

function invalid(errors: ProblemItem[]): TureenError {
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new TureenError('TUREEN_REQUEST_INVALID', `The soup cannot be made: ${detail}.`, errors)
}
