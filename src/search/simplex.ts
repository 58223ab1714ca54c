import { byScore } from './by-score.ts'

/** Weights are rounded to 1/10,000, so that recipes can be read, and a soup tried before is found again. */
const parts = 10_000

/**
 * Returns the point of the probability simplex (weights of at least 0 that sum to 1) nearest to x. Algorithm: Duchi et
 * al. 2008, "Efficient projections onto the l1-ball for learning in high dimensions", doi:10.1145/1390156.1390191.
 */
export function projectOntoSimplex(x: readonly number[]): number[] {
  const descending = [...x].sort((a, b) => b - a)
  let sum = 0
  let excess = 0
  for (const [index, value] of descending.entries()) {
    sum += value
    const candidate = (sum - 1) / (index + 1)
    if (value > candidate) excess = candidate
  }
  return x.map(value => Math.max(0, value - excess))
}

/**
 * Rounds weights to 4 decimals so that they sum to 1. Each weight is rounded down; then the largest remainders each get
 * one of the parts left over. So no weight changes by a whole part. Given to one weight alone, the parts left over of
 * 128 equal weights came to a fifth of it.
 */
export function roundWeights(weights: readonly number[]): number[] {
  const exact = weights.map(weight => weight * parts)
  const down = exact.map(Math.floor)
  const left = parts - down.reduce((sum, weight) => sum + weight, 0)
  const raised = new Set(byScore(exact.map((weight, index) => weight - (down[index] ?? 0))).slice(0, left))
  return down.map((weight, index) => (raised.has(index) ? weight + 1 : weight) / parts)
}
