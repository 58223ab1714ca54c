/** Returns the indices of some scores, the best (largest) first. Ties stay in their order. */
export function byScore(scores: readonly number[]): number[] {
  return scores
    .map((score, index) => ({ score, index }))
    .sort((a, b) => (a.score === b.score ? a.index - b.index : a.score > b.score ? -1 : 1))
    .map(({ index }) => index)
}
