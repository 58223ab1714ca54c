import type { Network } from '../onnx/graph/network.ts'
import type { Layout } from '../onnx/layout.ts'
import type { PairComparison } from './compare-pair.ts'
import type { Warning } from './match-warnings.ts'
import { isMatrix, networkFacts, pairWarnings } from './pair-warnings.ts'
import { scalerStatistics, scalerWarning } from './scaler-statistics.ts'

/** Returns warnings about two models that were compared in full. */
export function comparisonWarnings({ tensors, all }: PairComparison, network: Network, layout: Layout): Warning[] {
  const different = new Set(tensors.filter(({ identical }) => !identical).map(({ a }) => a))
  const matrices = tensors.flatMap(({ a, averaged, identical, dims, cosine }) => {
    if (!averaged || identical || cosine === null || !isMatrix(dims)) return []
    return [{ tensor: a, elements: dims.reduce((product, dim) => product * dim, 1), cosine }]
  })
  const warnings = pairWarnings({ matrices, differs: tensor => different.has(tensor) }, networkFacts(network, layout))
  const scaler = scalerWarning(scalerStatistics(network).flatMap(({ name }) => (different.has(name) ? [name] : [])))
  if (scaler) warnings.push({ kind: 'scaler', message: scaler })
  const integers = tensors.filter(({ isWeight, identical }) => !isWeight && !identical)
  if (integers.length > 0) {
    const message = `${integers.length} tensors that are never averaged differ (${integers[0]?.a}, ${integers[0]?.dtype})`
    warnings.push({ kind: 'never averaged', message })
  }
  const nonFinite = all?.nonFinite ?? { a: 0, b: 0 }
  if (nonFinite.a + nonFinite.b > 0) {
    const message = `the weights have NaN or infinite elements: ${nonFinite.a} in the first model, ${nonFinite.b} in the second`
    warnings.push({ kind: 'not finite', message })
  }
  return warnings
}
