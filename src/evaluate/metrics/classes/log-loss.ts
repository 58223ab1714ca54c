/**
 * Largest loss of one row, as in PyTorch's BCELoss. A softmax that underflows in float32 gives probability 0, whose loss would make the
 * mean over the whole set infinite.
 */
export const largestLogLoss = 100

/** Returns -log of the softmax at `target` of a row of logits x: log(sum of exp(x_j - x_target)), without overflow. */
export function logLossOfLogits(
  scores: ArrayLike<number>,
  start: number,
  step: number,
  classes: number,
  target: number,
): number {
  let largest = 0
  for (let c = 1; c < classes; c += 1) {
    if ((scores[start + c * step] ?? 0) > (scores[start + largest * step] ?? 0)) largest = c
  }
  const maximum = scores[start + largest * step] ?? 0
  let others = 0
  for (let c = 0; c < classes; c += 1) {
    if (c !== largest) others += Math.exp((scores[start + c * step] ?? 0) - maximum)
  }
  const distance = target === largest ? 0 : maximum - (scores[start + target * step] ?? 0)
  return distance + Math.log1p(others)
}

/** Returns -log of the probability of class `target`, 0 or 1, of a binary head: the softplus of its logit against the class. */
export function logLossOfLogit(logit: number, target: number): number {
  const against = target === 1 ? -logit : logit
  return Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against)))
}

/** Returns -log of the probability at `target` of a row, at most {@link largestLogLoss}; NaN if any value of the row is NaN. */
export function logLossOfProbabilities(
  scores: ArrayLike<number>,
  start: number,
  step: number,
  classes: number,
  target: number,
): number {
  for (let c = 0; c < classes; c += 1) if (Number.isNaN(scores[start + c * step])) return Number.NaN
  return Math.min(-Math.log(scores[start + target * step] ?? 0), largestLogLoss)
}

/** Returns -log of the probability of class `target`, 0 or 1, at most {@link largestLogLoss}. @param probability probability of class 1 */
export function logLossOfProbability(probability: number, target: number): number {
  return Math.min(target === 1 ? -Math.log(probability) : -Math.log1p(-probability), largestLogLoss)
}
