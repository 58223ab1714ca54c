/** The contribution of one model to the soups of a search, in the unit of the values. */
export type ShapleyValue = {
  /**
   * The mean change of a soup's value when this model joins. A soup of no models has the value 0, so the sum over
   * models is the value of all models.
   */
  shapley: number
  /** The same mean, only over soups of at least one model: the change where a soup exists to be changed. */
  marginal: number
}

/**
 * Returns the exact Shapley values of n models (Shapley 1953, "A value for n-person games"): phi_i = sum over the sets
 * S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)). The empty set has the value 0. With another value e, each
 * phi_i would be lower by e / n.
 * @param value returns the value of a set by its bit mask (model i is bit i); never called with 0
 */
export function shapleyValues(models: number, value: (mask: number) => number): ShapleyValue[] {
  // A set of s models has the weight 1 / (n choose s) / (n - s).
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
