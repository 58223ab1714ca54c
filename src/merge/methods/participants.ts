import { copyOf, type SumOperation, type TensorSettings } from '../operation.ts'

/** The properties of a method that decide which models take part; see Method. */
type Declared = { fisher: boolean; perModel: readonly string[]; keepsZeroWeights: boolean }

/**
 * Returns the settings of the models that take part in a tensor, and the indices of the method's sources among the
 * tensor's. A model whose weight is exactly 0 is left out: the formula would multiply its NaN and infinite elements by
 * 0, which gives NaN.
 *
 * @param settings of all averaged models
 */
export function participants(
  settings: TensorSettings,
  { fisher, perModel, keepsZeroWeights }: Declared,
): { own: TensorSettings; from: number[] } {
  const { weights, models, parameters, hasBase } = settings
  const kept = [...weights.keys()].filter(model => keepsZeroWeights || weights[model] !== 0)
  const behind = fisher ? kept.map(model => weights.length + model) : hasBase ? [weights.length] : []
  const from = [...kept, ...behind]
  if (kept.length === weights.length) return { own: settings, from }
  const pick = <Item>(items: readonly Item[]) => items.filter((_, model) => kept.includes(model))
  const lists = perModel.flatMap(name => {
    const value = parameters[name]
    return Array.isArray(value) ? [[name, pick<unknown>(value)]] : []
  })
  return {
    own: {
      ...settings,
      weights: pick(weights),
      models: pick(models),
      parameters: { ...parameters, ...Object.fromEntries(lists) },
    },
    from,
  }
}

/**
 * Returns the operation of a tensor without models: the base's tensor if the method merges changes of a base, otherwise
 * the empty sum, 0.
 */
export function noModels({ hasBase, weights }: TensorSettings): SumOperation {
  if (hasBase) return copyOf(weights.length)
  return { kind: 'sum', from: [], sum: { weights: [], divisor: null, keepIdentical: false } }
}
