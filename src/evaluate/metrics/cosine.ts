import { type ElementPairs, referenceShapes } from './elements/element-pairs.ts'
import { meanOverSamples } from './elements/mean-over-samples.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'

/**
 * The mean over samples of o·r / (|o| |r|), for the flattened output o and reference r. It is 1 for two zero vectors, and 0 for a zero
 * vector and another one.
 */
export const cosine: Metric<NoParameters> = {
  name: 'cosine',
  description: 'Mean over samples of the cosine of the angle between output and reference',
  direction: 'max',
  per: 'sample',
  target: 'reference',
  parameters: noParameters,
  shapes: referenceShapes,
  start: (_, keep) => meanOverSamples('cosine', keep, cosineSimilarity),
}

function cosineSimilarity({ output, target }: ElementPairs, begin: number, end: number): number {
  const outputScale = powerOfTwoScale(output, begin, end)
  const targetScale = powerOfTwoScale(target, begin, end)
  if (outputScale === 0 || targetScale === 0) return outputScale === targetScale ? 1 : 0
  let dot = 0
  let outputSquares = 0
  let targetSquares = 0
  for (let i = begin; i < end; i += 1) {
    const o = (output[i] ?? 0) * outputScale
    const t = (target[i] ?? 0) * targetScale
    dot += o * t
    outputSquares += o * o
    targetSquares += t * t
  }
  // With one root of the product instead of two roots, equal vectors give exactly 1.
  const similarity = dot / Math.sqrt(outputSquares * targetSquares)
  return Math.max(-1, Math.min(1, similarity))
}

/**
 * Returns the power of 2 that scales the largest element to about 1, so that no square overflows or underflows, and nothing is rounded.
 * 0 for a zero vector, NaN for a vector that is not finite.
 */
function powerOfTwoScale(values: ArrayLike<number>, begin: number, end: number): number {
  let largest = 0
  for (let i = begin; i < end; i += 1) largest = Math.max(largest, Math.abs(values[i] ?? 0))
  if (largest === 0) return 0
  return Number.isFinite(largest) ? 2 ** Math.min(1000, -Math.floor(Math.log2(largest))) : Number.NaN
}
