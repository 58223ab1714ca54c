import { differInLeadingOnes, whyRankMatters } from './broadcast-leaf.ts'
import { type Difference, operatorName, shown } from './differences.ts'
import { type KnownDims, knownDims } from './known-dims.ts'
import { isAllZero } from './leaf-values.ts'
import { type MatrixReshape, matrixReshape, shownShape, unprovedFlatten } from './matrix-reshape.ts'
import type { Leaf, Operator } from './network.ts'
import type { NetworkFiles } from './network-files.ts'
import { optionalBias } from './optional-bias.ts'

/**
 * Compares two operators that both reshape their input to a matrix, but are written differently (Flatten and Reshape,
 * say). Returns their differences; undefined if they must be compared like any other operators.
 */
export function pairMatrices(
  ours: Operator,
  theirs: Operator,
  base: NetworkFiles,
  other: NetworkFiles,
): { differences: Difference[] } | undefined {
  const [a, b] = [matrixReshape(ours, base), matrixReshape(theirs, other)]
  if (!a || !b) return undefined
  const isWrittenAlike = ours.opType === theirs.opType && a.rows === b.rows && a.columns === b.columns
  // Two fixed numbers of rows are two fixed batch sizes, which is a difference of values.
  if (isWrittenAlike || (a.rows > 0 && b.rows > 0 && a.rows !== b.rows)) return undefined
  const dims = [knownDims(base.network, base), knownDims(other.network, other)] as const
  const reads = [dims[0](ours.operands[0]?.value ?? null), dims[1](theirs.operands[0]?.value ?? null)]
  const unproved = [a, b].flatMap(shape => {
    // Both read the same value, so dims known in one file hold for both.
    const reasons = reads.map(read => unprovedFlatten(shape, read))
    return reasons.includes(undefined) ? [] : [{ shape, reason: reasons.find(Boolean) ?? '' }]
  })
  const [first] = unproved
  if (!first) return { differences: [] }
  if (ours.opType === theirs.opType && ours.opType !== 'Flatten') return undefined
  const words = (operator: Operator, shape: MatrixReshape) =>
    operator.opType === 'Flatten' ? 'Flatten' : `Reshape to ${shownShape(shape)}`
  const message = `is ${words(theirs, b)}, in the base ${words(ours, a)} (${shown(ours.name)}): whether these are the same depends on ${first.reason}`
  return { differences: [{ kind: 'operator', isHard: false, node: theirs.name, message }] }
}

export type Biased = { ours: Operator; theirs: Operator; zeros: Leaf[]; differences: Difference[] }

/**
 * Removes the bias that only one of two operators has. A missing bias equals a bias of zeros; any other bias is a
 * difference.
 */
export function pairBiases(ours: Operator, theirs: Operator, base: NetworkFiles, other: NetworkFiles): Biased {
  const as = { ours, theirs, zeros: [], differences: [] }
  if (ours.opType !== theirs.opType || ours.domain !== theirs.domain) return as
  const [a, b] = [optionalBias(ours), optionalBias(theirs)]
  const [bias, files] = a ? [a, base] : [b, other]
  if (!bias || (a && b) || bias.value?.kind !== 'leaf' || !bias.value.isWeight) return as
  const leaf = bias.value
  const bare = (operator: Operator): Operator => {
    const operands = operator.operands.filter(operand => operand !== bias)
    return { ...operator, operands: operands.slice(0, operands.findLastIndex(({ value }) => value !== null) + 1) }
  }
  const isZero = isAllZero(leaf, files)
  const where = a ? 'that this model has not' : 'that the base has not'
  const message = `${operatorName(theirs)} adds the bias ${shown(leaf.name)} ${where}, and it is not all zero: export both with the bias, or both without`
  return {
    ours: bare(ours),
    theirs: bare(theirs),
    zeros: a && isZero ? [leaf] : [],
    differences: isZero ? [] : [{ kind: 'wiring', isHard: false, node: theirs.name, tensor: leaf.name, message }],
  }
}

/**
 * Returns null if two tensors of different types are a pair, because they differ only in leading dims of 1 that do not
 * matter. Otherwise returns the reason in words, or an empty text.
 */
export function whyDimsMatter(
  ours: Leaf,
  theirs: Leaf,
  { at, theirAt, port, theirPort }: { at: Operator; theirAt: Operator; port: string; theirPort: string },
  base: NetworkFiles,
  other: NetworkFiles,
): string | null {
  if (!differInLeadingOnes(ours, theirs)) return ''
  const rank = Math.max(ours.tensor?.dims.length ?? 0, theirs.tensor?.dims.length ?? 0)
  const why = (operator: Operator, at: string, dims: KnownDims) => whyRankMatters(operator, at, rank, dims)
  const reason = why(at, port, knownDims(base.network, base))
  return reason === null ? null : why(theirAt, theirPort, knownDims(other.network, other))
}
