import { type Direction, goodness } from './ranking.ts'
import type { Threshold } from './threshold.ts'

/** One term of an objective. `atLeast`: the worst score that a candidate may have; null if any will do. */
export type ObjectiveTerm = { direction: Direction; weight: number; atLeast: Threshold | null }

/** The scores of one soup, one for each term, in order; null for a score that is not finite or not defined. */
export type TermScores = readonly (number | null)[]

/**
 * The scores that gains and thresholds of one term are measured by. `best`: score of the best single model; null if none has a score.
 * `threshold`: the worst score that a candidate may have; null if it has none to be measured by; undefined if any score will do.
 */
export type TermReference = { best: number | null; threshold: number | null | undefined }

/** The objective of a soup; null without a score in every term. `misses`: indices of the terms whose threshold the soup misses. */
export type Judgement = { value: number | null; misses: readonly number[] }

/** Returns the reference of a term. @param base score of the base; null if there is none */
export function referenceOf(
  { direction, atLeast }: Pick<ObjectiveTerm, 'direction' | 'atLeast'>,
  best: number | null,
  base: number | null,
): TermReference {
  if (atLeast === null) return { best, threshold: undefined }
  if (typeof atLeast === 'number') return { best, threshold: atLeast }
  const score = atLeast.of === 'base' ? base : best
  return { best, threshold: score === null ? null : score - sign(direction) * atLeast.margin }
}

/**
 * Returns the gain of a score over the best single model: (score - best) / |best|, negated if lower scores are better. If the best score is
 * 0, the gain is the difference. Null without one of the scores.
 */
export function gainOf(score: number | null, best: number | null, direction: Direction): number | null {
  if (score === null || best === null) return null
  const difference = (score - best) * sign(direction)
  return best === 0 ? difference : difference / Math.abs(best)
}

/** Judges a soup by its scores: the sum of its gains times their weights, and the terms whose threshold it misses. */
export function judge(
  terms: readonly ObjectiveTerm[],
  references: readonly TermReference[],
  scores: TermScores,
): Judgement {
  let sum = 0
  const misses: number[] = []
  for (const [index, { direction, weight }] of terms.entries()) {
    const { best = null, threshold } = references[index] ?? {}
    const score = scores[index] ?? null
    sum += weight * (gainOf(score, best, direction) ?? Number.NaN)
    if (threshold !== undefined && !meets(score, threshold, direction)) misses.push(index)
  }
  return { value: Number.isFinite(sum) ? sum : null, misses }
}

/** True if a score is as good as a threshold. No score meets any threshold, and no threshold is met without its reference. */
function meets(score: number | null, threshold: number | null, direction: Direction): boolean {
  return score !== null && threshold !== null && goodness(score, direction) >= goodness(threshold, direction)
}

function sign(direction: Direction): 1 | -1 {
  return direction === 'max' ? 1 : -1
}
