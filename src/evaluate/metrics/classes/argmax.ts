/**
 * Returns the class with the highest of `classes` scores, which begin at `start` and are `step` apart. Like NumPy's argmax, it takes the
 * lowest class among equal scores, and NaN as the highest score.
 */
export function argmax(scores: ArrayLike<number>, start: number, step: number, classes: number): number {
  let best = 0
  let bestScore = scores[start] ?? 0
  for (let c = 1; c < classes; c += 1) {
    const score = scores[start + c * step] ?? 0
    if (!isAbove(score, bestScore)) continue
    best = c
    bestScore = score
  }
  return best
}

/** True if a score is above the best one so far. NaN is above every number. */
export function isAbove(score: number, best: number): boolean {
  return score > best || (Number.isNaN(score) && !Number.isNaN(best))
}

/** The way in which predictions take NaN, for notes. */
export const nanIsHighest = "NaN is taken as the highest score, as by NumPy's argmax, and by a binary head as class 0"
