import { beginElection } from './block-engine.ts'
import { type ElementKernel, kernelBlock } from './element-kernel.ts'
import { blockEngine } from './simd-block-engine.ts'

/**
 * Chooses entries of one model's differences from the base, in place: what is kept may be rescaled, what is dropped becomes
 * `dropped`. `used` is set to 1 where an entry is kept. Returns how many are.
 */
export type Sparsify = (
  differences: Float64Array,
  first: number,
  count: number,
  dropped: number,
  used: Uint8Array,
) => number

/**
 * Chooses elements by the differences of all models, the same ones for all: `selected` becomes 1 or 0. Returns how many are chosen.
 */
export type SelectElements = (
  differences: readonly Float64Array[],
  first: number,
  count: number,
  selected: Uint8Array,
) => number

/**
 * How differences from a base become a change of it. `weights`: one for each model. `votes`: what the differences are weighed with
 * where models vote on the sign of each element, and only those that agree with the outcome count; null without votes.
 * `divisor`: what the sum of weighted differences is divided by, `agreeing` being the sum of the weights of those that agree.
 */
export type Contribution = {
  weights: readonly number[]
  votes: readonly number[] | null
  lambda: number
  divisor: number | 'agreeing' | null
  /** How small the sum of agreeing weights must be, compared with that of their magnitudes, to count as zero. */
  zero: number
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
  const terms = Array.from({ length: models }, () => new Float64Array(kernelBlock))
  const sum = new Float64Array(kernelBlock)
  const divisors = new Float64Array(kernelBlock)
  const used = new Uint8Array(kernelBlock)
  const copiedNaN: number[] = []
  const counts: Record<string, number> = votes ? { signConflicts: 0 } : {}
  if (sparsify) for (let model = 0; model < models; model += 1) counts[`kept${model}`] = 0

  const selected = new Uint8Array(kernelBlock)
  /** Added to a sum, a zero with this sign changes nothing, not even the sign of a zero. */
  const dropped = (model: number) => (votes ? 0 : 1 / (weights[model] ?? 0) < 0 ? 0 : -0)
  const countKept = (model: number, kept: number) => {
    counts[`kept${model}`] = (counts[`kept${model}`] ?? 0) + kept
  }

  const drop = (first: number, count: number) => {
    if (sparsify === null) return
    if (typeof sparsify !== 'function') {
      for (const [model, d] of terms.entries())
        countKept(model, sparsify[model]?.(d, first, count, dropped(model), used) ?? 0)
      return
    }
    const kept = sparsify(terms, first, count, selected)
    for (const [model, d] of terms.entries()) {
      for (let j = 0; j < count; j += 1) if (selected[j] === 0) d[j] = dropped(model)
      countKept(model, kept)
    }
    used.set(selected.subarray(0, count))
  }

  return {
    compared: models + 1,
    counts,
    copiedNaN,
    compute(inputs, output, first, count) {
      const base = inputs[models]
      if (!base) throw new RangeError('the base is missing')
      copiedNaN.length = 0
      used.fill(sparsify ? 0 : 1, 0, count)
      for (const [model, d] of terms.entries()) difference(inputs[model], base, d, count)
      drop(first, count)
      if (votes)
        counts.signConflicts =
          (counts.signConflicts ?? 0) + elect(terms, contribution, votes, count, { sum, divisors, used })
      else addUp(terms, weights, sum, count)
      change(base, contribution, { sum, divisors, used }, output, count)
      for (let j = 0; j < count; j += 1) if (used[j] === 0 && Number.isNaN(base[j])) copiedNaN.push(j)
    },
  }
}

function difference(x: Float64Array | undefined, base: Float64Array, d: Float64Array, count: number): void {
  if (!x) throw new RangeError('a model is missing')
  for (let j = 0; j < count; j += 1) d[j] = (x[j] ?? 0) - (base[j] ?? 0)
}

function addUp(terms: readonly Float64Array[], weights: readonly number[], sum: Float64Array, count: number): void {
  for (const [model, entries] of terms.entries()) {
    const weight = weights[model] ?? 0
    if (model === 0) for (let j = 0; j < count; j += 1) sum[j] = weight * (entries[j] ?? 0)
    else for (let j = 0; j < count; j += 1) sum[j] = (sum[j] ?? 0) + weight * (entries[j] ?? 0)
  }
}

type Outcome = { sum: Float64Array; divisors: Float64Array; used: Uint8Array }

/**
 * Adds up, element by element, the entries that have the sign of the weighted sum of all: a sum of 0 or NaN counts as positive, an
 * entry of 0 has no sign, NaN has both. `used` becomes whether any has it, and the sum of their weights, if asked for, is not 0.
 * @returns at how many elements some votes were positive and some negative
 */
function elect(
  terms: readonly Float64Array[],
  { weights, divisor, zero }: Contribution,
  votes: readonly number[],
  count: number,
  { sum, divisors, used }: Outcome,
): number {
  const engine = blockEngine()
  addUp(terms, votes, sum, count)
  beginElection(engine, sum, count)
  for (const [model, entries] of terms.entries()) {
    engine.entries.set(entries.subarray(0, count))
    engine.addAgreeing(votes[model] ?? 0, weights[model] ?? 0, count)
  }
  sum.set(engine.sum.subarray(0, count))
  divisors.set(engine.divisors.subarray(0, count))
  const { up, down, agreed, magnitudes } = engine
  const isDivided = divisor === 'agreeing'
  let conflicts = 0
  for (let j = 0; j < count; j += 1) {
    conflicts += (up[2 * j] ?? 0) & (down[2 * j] ?? 0) & 1
    const isZero = isDivided && Math.abs(divisors[j] ?? 0) <= zero * (magnitudes[j] ?? 0)
    used[j] = agreed[2 * j] && !isZero ? 1 : 0
  }
  return conflicts
}

function change(
  base: Float64Array,
  { lambda, divisor }: Contribution,
  { sum, divisors, used }: Outcome,
  output: Float64Array,
  count: number,
): void {
  for (let j = 0; j < count; j += 1) {
    const b = base[j] ?? 0
    const s = sum[j] ?? 0
    const m = divisor === null ? s : s / (divisor === 'agreeing' ? (divisors[j] ?? 0) : divisor)
    output[j] = used[j] === 0 ? b : b + lambda * m
  }
}
