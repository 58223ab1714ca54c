/** What a model is worth among others. In the unit of the values. */
export type ShapleyValue = {
  /** What joining changes in a soup's value, the soup of no model having the value 0: all of these sum to the value of all models. */
  shapley: number
  /** The same mean over the soups of at least one model: what it changes where there is something to change. */
  marginal: number
}

/**
 * The exact Shapley values of n models (Shapley 1953, "A value for n-person games"):
 * phi_i = sum over the sets S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)), with v of the empty set 0.
 * Another value e of the empty set takes e / n from each.
 *
 * @param value of a set by its bit mask (model i is bit i), never asked for 0
 */
export function shapleyValues(models: number, value: (mask: number) => number): ShapleyValue[] {
  // For sets of s models the weight is 1 / (n choose s) / (n - s).
  const weights: number[] = []
  let choose = 1
  for (let size = 0; size < models; size += 1) {
    weights.push(1 / (choose * (models - size)))
    choose = (choose * (models - size)) / (size + 1)
  }
  const all = 2 ** models
  return Array.from({ length: models }, (_, model) => {
    const bit = 1 << model
    let rest = 0
    for (let mask = 1; mask < all; mask += 1) {
      if (mask & bit) continue
      rest += (weights[bitCount(mask)] ?? 0) * (value(mask | bit) - value(mask))
    }
    const alone = value(bit) / models
    return { shapley: alone + rest, marginal: models > 1 ? (rest * models) / (models - 1) : 0 }
  })
}

function bitCount(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1
  return count
}
