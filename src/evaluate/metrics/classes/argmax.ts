/**
 * The class with the highest of `classes` scores, which begin at `start` and lie `step` apart. As NumPy's argmax
 * decides: among equals the lowest class, and a NaN is above everything.
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

/** Whether a score displaces the best one so far. */
export function isAbove(score: number, best: number): boolean {
  return score > best || (Number.isNaN(score) && !Number.isNaN(best))
}
