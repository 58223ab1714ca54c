import type { ModelRecord } from '../schemas/model.ts'
import { CommandFailure } from './mistakes.ts'
import type { RecipeFile } from './recipe-file.ts'

type RecipeModel = NonNullable<RecipeFile['models']>[number]

/** Returns true if a recipe names this model, by its id or the digest of its content. */
function isNamedBy({ id }: RecipeModel, model: ModelRecord): boolean {
  return id === model.id || `sha256:${id?.replace('sha256:', '')}` === model.sha256
}

/**
 * Returns the models of a merge with their weights. A recipe that names its models takes them in its own order, whatever the order of the
 * arguments. Otherwise its weights belong to the arguments, in order.
 *
 * @param weights one for each argument; they go before those of the recipe
 */
export function mergedModels(
  recipe: RecipeFile,
  models: readonly ModelRecord[],
  weights: readonly number[] | undefined,
): object[] {
  const named = recipe.models
  if (named?.some(({ id }) => id !== undefined)) {
    const stranger = models.find(model => !named.some(each => isNamedBy(each, model)))
    if (stranger)
      throw new CommandFailure(`${stranger.name} is none of the models of the recipe.`, [
        `Its content is ${stranger.sha256}. Give the models of the recipe; a base that is none of them belongs to --base.`,
      ])
    const used = named.map(each => ({ each, index: models.findIndex(model => isNamedBy(each, model)) }))
    const missing = used.filter(({ index }) => index < 0)
    if (missing.length > 0)
      throw new CommandFailure(
        `The recipe has ${named.length} models, and ${missing.length} of them are not among the arguments.`,
        missing.map(({ each }) => `missing: ${each.id}`),
      )
    return used.map(({ each, index }) => ({
      ...each,
      id: models[index]?.id,
      weight: weights?.[index] ?? each.weight ?? 1,
    }))
  }
  const given = weights ?? recipe.weights ?? named?.map(({ weight }) => weight ?? 1)
  if (given && given.length !== models.length)
    throw new CommandFailure(
      `The recipe has ${given.length} weights, and there are ${models.length} models. Give one for each.`,
    )
  return models.map(({ id }, index) => (given === undefined ? { id } : { id, weight: given[index] }))
}
