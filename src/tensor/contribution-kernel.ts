import { blockEngine } from './block-engine.ts'
import type { ChangeSum } from './blocks/block-changes.ts'
import type { ElementKernel } from './element-kernel.ts'

/**
 * Replaces the elements of one model by their differences from the base, possibly rescaled. Dropped elements become
 * `dropped`. Sets the engine's `used` where an element is kept. Returns the number of kept elements.
 */
export type Sparsify = (
  elements: Float64Array,
  base: Float64Array,
  first: number,
  count: number,
  dropped: number,
) => number

/**
 * Selects elements by the differences of all models, the same elements for all. Sets the engine's `selected`. Returns
 * the number of selected elements.
 */
export type SelectElements = (differences: readonly Float64Array[], first: number, count: number) => number

/**
 * How differences from a base become a change of it.
 * - `weights`: one for each model.
 * - `votes`: null without votes. Otherwise one factor for each model: its difference times this factor votes on the
 *   element's sign, and only differences that agree with the outcome count.
 * - `divisor`: divides the sum of weighted differences. `agreeing` is the sum of the weights of the models that agree.
 * - `zero`: a sum of agreeing weights counts as zero if it is at most this part of the sum of their magnitudes.
 */
export type Contribution = ChangeSum & {
  /** One for each model, or one for all; null if nothing is dropped. */
  sparsify: readonly Sparsify[] | SelectElements | null
}

/** A sum of weights up to this part of the sum of their magnitudes counts as zero, because it may be rounding error. */
export const zeroWeights = 1e-8

/**
 * Returns the kernel of y = b + lambda m. m is the weighted sum of the kept differences of the models from the base b,
 * which is the last source. The base's element is copied if no difference is kept, or none agrees. Counts `kept0`,
 * `kept1`, ... and, with votes, `signConflicts`.
 */
export function contributionKernel(contribution: Contribution): ElementKernel {
  const { weights, votes, sparsify } = contribution
  const models = weights.length
  const engine = blockEngine()
  const copiedNaN: number[] = []
  const counts: Record<string, number> = votes ? { signConflicts: 0 } : {}
  if (sparsify) for (let model = 0; model < models; model += 1) counts[`kept${model}`] = 0

  /** Adding a zero of this sign to a sum changes nothing, not even the sign of a zero sum. */
  const dropped = (model: number) => (votes ? 0 : 1 / (weights[model] ?? 0) < 0 ? 0 : -0)
  const countKept = (model: number, kept: number) => {
    counts[`kept${model}`] = (counts[`kept${model}`] ?? 0) + kept
  }
  /** Replaces the models' elements by their kept differences from the base. */
  const reduce = (elements: readonly Float64Array[], base: Float64Array, first: number, count: number) => {
    if (sparsify !== null && typeof sparsify !== 'function') {
      for (const [model, x] of elements.entries())
        countKept(model, sparsify[model]?.(x, base, first, count, dropped(model)) ?? 0)
      return
    }
    for (const x of elements) engine.subtract(x, base, count)
    if (sparsify === null) return
    const kept = sparsify(elements, first, count)
    for (const [model, d] of elements.entries()) {
      engine.drop(d, dropped(model), count)
      countKept(model, kept)
    }
  }

  return {
    compared: models + 1,
    counts,
    copiedNaN,
    compute(inputs, _output, first, count) {
      const base = inputs[models]
      if (!base) throw new RangeError('the base is missing')
      const terms = inputs.slice(0, models)
      const { used } = engine
      copiedNaN.length = 0
      used.fill(sparsify ? 0 : -1, 0, 2 * count)
      reduce(terms, base, first, count)
      const { conflicts, copiesNaN } = engine.change(terms, base, contribution, count)
      if (votes) counts.signConflicts = (counts.signConflicts ?? 0) + conflicts
      if (!copiesNaN) return
      for (let j = 0; j < count; j += 1) if (used[2 * j] === 0 && Number.isNaN(base[j])) copiedNaN.push(j)
    },
  }
}
