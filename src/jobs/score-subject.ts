import type { Binding } from '../evaluate/binding.ts'
import type { RecipeDocument } from '../merge/provenance.ts'

/** A scored model by its bytes: the digest of a model, or the recipe of a soup that is not stored. */
export type ScoredModel = string | { numerics: number; recipe: RecipeDocument }

/** The subject of a score, without the scoring metric. */
export type Subject = {
  model: ScoredModel
  dataset: string
  binding: Binding
  limit: number | null
  threads: number
}

/** Returns the digests of the models that a score needs, each once. */
export function modelsOf({ model }: Pick<Subject, 'model'>): string[] {
  if (typeof model === 'string') return [model]
  const { models, base } = model.recipe
  return [...new Set([base, ...models.flatMap(({ id, fisher }) => [id, fisher])])].filter(
    digest => digest !== undefined,
  )
}
