import type { Leaf, Network } from '../onnx/graph/network.ts'
import { cosineOf } from '../tensor/pair-sums.ts'
import type { PairComparison } from './compare-pair.ts'
import type { Warning } from './match-warnings.ts'
import { scalerStatistics, scalerWarning } from './scaler-statistics.ts'

/**
 * Below this cosine of their matrices two networks were hardly trained from a common start: of independent ones it is about 0 (within
 * 1 / sqrt(weights)), of fine-tunes of one network it is above 0.9 as a rule.
 */
const independentCosine = 0.2
/** Below so many weights a cosine says nothing. */
const fewestWeights = 256
/** Networks of so few operators are equal by chance. */
const fewestOperators = 2

/** What someone should know before averaging two models, although nothing forbids it. */
export function pairWarnings({ tensors, matrices, all }: PairComparison, network: Network): Warning[] {
  const warnings: Warning[] = []
  const warn = (kind: string, message: string) => warnings.push({ kind, message })
  const cosine = matrices && cosineOf(matrices)
  const weights = tensors
    .filter(({ averaged, dims }) => averaged && dims.length > 1)
    .reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0)
  if (cosine !== null && cosine < independentCosine && weights >= fewestWeights) {
    warn(
      'independent',
      `these look independently trained (the cosine of their weight matrices is ${cosine.toFixed(3)}): their neurons do not correspond, and a soup of them will be garbage`,
    )
  }
  const different = new Set(tensors.filter(({ identical }) => !identical).map(({ a }) => a))
  const statistics = batchStatistics(network).filter(({ name }) => different.has(name))
  if (statistics.length > 0) {
    warn(
      'batch normalisation',
      `${statistics.length} running means and variances of batch normalisation differ and would be averaged: they are no linear function of the weights, so measure the soup, or have them measured anew on data ("recalibrate")`,
    )
  }
  const scalers = scalerStatistics(network).map(({ name }) => name)
  const scaler = scalerWarning(scalers.filter(name => different.has(name)))
  if (scaler) warn('scaler', scaler)
  const integers = tensors.filter(({ averaged, identical }) => !averaged && !identical)
  if (integers.length > 0)
    warn(
      'never averaged',
      `${integers.length} tensors that are never averaged differ (${integers[0]?.a}, ${integers[0]?.dtype})`,
    )
  const nonFinite = all?.nonFinite ?? { a: 0, b: 0 }
  if (nonFinite.a + nonFinite.b > 0)
    warn('not finite', `there are NaN or infinite weights: ${nonFinite.a} in the first, ${nonFinite.b} in the second`)
  if (network.operators.length < fewestOperators)
    warn('tiny', 'a network of one operator is equal to many: that two files match does not say that they are related')
  return warnings
}

function batchStatistics({ operators }: Network): Leaf[] {
  return operators
    .filter(({ domain, opType }) => domain === '' && opType === 'BatchNormalization')
    .flatMap(({ operands }) => [operands[3]?.value, operands[4]?.value])
    .filter((value): value is Leaf => value?.kind === 'leaf' && value.isWeight)
}
