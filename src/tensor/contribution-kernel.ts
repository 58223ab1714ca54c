import type { ChangeSum } from './block-engine.ts'
import type { ElementKernel } from './element-kernel.ts'
import { blockEngine } from './simd-block-engine.ts'

/**
 * Puts one model's differences from the base in the place of its elements, those that are not kept as `dropped`; kept ones may be
 * rescaled. Sets `used` of the engine where one is kept. Returns how many are.
 */
export type Sparsify = (
  elements: Float64Array,
  base: Float64Array,
  first: number,
  count: number,
  dropped: number,
) => number

/**
 * Chooses elements by the differences of all models, the same ones for all: sets `selected` of the engine. Returns how many are chosen.
 */
export type SelectElements = (differences: readonly Float64Array[], first: number, count: number) => number

/**
 * How differences from a base become a change of it. `weights`: one for each model. `votes`: what the differences are weighed with
 * where models vote on the sign of each element, and only those that agree with the outcome count; null without votes.
 * `divisor`: what the sum of weighted differences is divided by, `agreeing` being the sum of the weights of those that agree.
 * `zero`: how small that sum must be, compared with that of their magnitudes, to count as zero.
 */
export type Contribution = ChangeSum & {
  /** One for each model, or one for all; null where nothing is dropped. */
  sparsify: readonly Sparsify[] | SelectElements | null
}

/** A sum of weights that is no more than this part of the sum of their magnitudes is taken for the rounding errors of zero. */
export const zeroWeights = 1e-8

/**
 * The kernel of y = b + lambda m, m the weighted sum of what is kept of the models' differences from the base, which is the last
 * source. Where nothing is kept, or agrees, the base's element is copied. Counts `kept0`, `kept1`, ... and, with votes, `signConflicts`.
 */
export function contributionKernel(contribution: Contribution): ElementKernel {
  const { weights, votes, sparsify } = contribution
  const models = weights.length
  const engine = blockEngine()
  const copiedNaN: number[] = []
  const counts: Record<string, number> = votes ? { signConflicts: 0 } : {}
  if (sparsify) for (let model = 0; model < models; model += 1) counts[`kept${model}`] = 0

  /** Added to a sum, a zero with this sign changes nothing, not even the sign of a zero. */
  const dropped = (model: number) => (votes ? 0 : 1 / (weights[model] ?? 0) < 0 ? 0 : -0)
  const countKept = (model: number, kept: number) => {
    counts[`kept${model}`] = (counts[`kept${model}`] ?? 0) + kept
  }
  /** The models' elements become what is kept of their differences from the base. */
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
