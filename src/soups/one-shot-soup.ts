import { type SoupRecipe, soupRecipe } from '../../schemas/merge.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { tensorSums } from '../merge/tensor-sums.ts'
import type { Artifacts, ReceivedFile } from '../storage/artifacts.ts'
import type { MergeFile } from '../threads/merge-inputs.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** A model that was sent along: the file it was received into, and what the client calls it. */
export type SoupModel = ReceivedFile & { label: string }

/** A soup that nobody keeps, as a file that is the caller's to remove. */
export type Soup = { path: string; bytes: number; sha256: string }

/**
 * Merges models that were sent with one request.
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
    const { sha256, bytes } = await threads.merge(files, settings, { output, durable: false, signal })
    return { path: output, bytes, sha256 }
  } catch (error) {
    await artifacts.discard(output)
    throw error
  }
}

/** The recipe that a client sent as a form field, or the one that query parameters make. */
export function parseSoupRecipe(field: unknown, weights: number[] | undefined): SoupRecipe {
  if (field !== undefined && weights !== undefined)
    throw invalid([{ field: 'weights', message: 'is given twice, in the query and beside a recipe' }])
  const parsed = soupRecipe.safeParse(
    field === undefined ? { weights } : typeof field === 'string' ? parseJson(field) : field,
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
  recipe.models?.forEach(({ id }, index) => {
    const model = models[index]
    if (id === undefined || model?.sha256 === id) return
    throw invalid([{ field: `recipe.models.${index}.id`, message: `the model sent in this place is ${model?.sha256}` }])
  })
  const base = recipe.base === undefined ? 0 : models.findIndex(({ sha256 }) => sha256 === recipe.base)
  if (base < 0)
    throw invalid([{ field: 'recipe.base', message: 'is not the digest of any of the models that were sent' }])
  const files = models.map(({ label, sha256, path }, index) => ({ label, sha256, path, weight: weights[index] ?? 1 }))
  return { files, settings: { method, normalize, rules, nonFloat, provenance, base } }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid([{ field: 'recipe', message: 'is not JSON' }])
  }
}

function invalid(errors: ProblemItem[]): TureenError {
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new TureenError('TUREEN_REQUEST_INVALID', `The soup cannot be made: ${detail}.`, errors)
}
