import type { MergekitParameters } from '../../schemas/mergekit.ts'
import type { MergekitMethod } from './mergekit-methods.ts'
import { refusal } from './mergekit-values.ts'

/** A reference to a model. `field`: its path in the configuration. */
export type ModelReference = { model: string; field: string }

/** Parameters, with their path in the configuration. */
export type ParameterPlace = { field: string; parameters: MergekitParameters }

/** A model with its own parameters. */
export type ConfiguredModel = ModelReference & { own: ParameterPlace }

/** The models of a configuration. `isSliced`: true if they are under `slices`. */
export type ConfiguredModels = { models: readonly ConfiguredModel[]; base: ModelReference | null; isSliced: boolean }

/** Returns all references to models in a configuration. */
export function referencesIn({ models, base }: ConfiguredModels): ModelReference[] {
  return [...models, ...(base ? [base] : [])]
}

/** Returns a configuration with other names for its models. @param names in the order of {@link referencesIn} */
export function withReferences<Merge extends ConfiguredModels>(merge: Merge, names: readonly string[]): Merge {
  const models = merge.models.map((each, index) => ({ ...each, model: names[index] ?? each.model }))
  const base = merge.base && { ...merge.base, model: names[models.length] ?? merge.base.model }
  return { ...merge, models, base }
}

/**
 * Returns the models that mergekit merges, in order. Under `models` it adds a base that is not listed. The base is the
 * first of a pair.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for a model that is listed twice, a base that `slices` do not load, or
 * no model besides the base
 */
export function mergedModels(
  { models, base, isSliced }: ConfiguredModels,
  takes: MergekitMethod['takes'],
): ConfiguredModel[] {
  requireDistinct(models)
  if (!base) return [...models]
  const isBase = ({ model }: ModelReference) => model === base.model
  const isListed = models.some(isBase)
  if (isSliced && !isListed) {
    const message = 'is in no source of the slice, so that mergekit does not load it; add it to the sources'
    throw refusal([{ field: base.field, model: base.model, message }])
  }
  const added = { ...base, own: { field: base.field, parameters: {} } }
  const loaded = isListed ? models : [...models, added]
  if (takes === 'all') return [...loaded]
  const others = loaded.filter(each => !isBase(each))
  if (others.length === 0)
    throw refusal([
      { field: 'models', expected: 'a model beside base_model', message: 'has no model beside base_model; add one' },
    ])
  return takes === 'pair' ? [...loaded.filter(isBase), ...others] : others
}

function requireDistinct(models: readonly ConfiguredModel[]): void {
  const seen = new Set<string>()
  for (const { model, field } of models) {
    const message = 'names a model for the second time, and mergekit counts it once; remove one of the two'
    if (seen.has(model)) throw refusal([{ field, model, message }])
    seen.add(model)
  }
}
