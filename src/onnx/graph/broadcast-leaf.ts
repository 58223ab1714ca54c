import type { KnownDims } from './known-dims.ts'
import type { Leaf, Operator } from './network.ts'

/** Operators of ai.onnx that stretch their operands to one shape as NumPy does. */
const broadcasting: ReadonlySet<string> = new Set([
  'Add',
  'Div',
  'Max',
  'Mean',
  'Min',
  'Mul',
  'PRelu',
  'Pow',
  'Sub',
  'Sum',
  'Where',
])

/**
 * Whether two weights have the same elements in the same order and differ only in leading dimensions of 1, as [n] and [1, n] do.
 */
export function differInLeadingOnes(ours: Leaf, theirs: Leaf): boolean {
  if (!ours.isWeight || !theirs.isWeight || ours.indices || theirs.indices) return false
  return ours.type !== theirs.type && typeWithoutLeadingOnes(ours) === typeWithoutLeadingOnes(theirs)
}

/** The type of a leaf as if dimensions of 1 in front were not there. */
export function typeWithoutLeadingOnes({ type, indices }: Leaf): string {
  return indices ? type : type.replace(/\[(?:1(?:, |(?=\])))*/, '[')
}

/**
 * Whether leading dimensions of 1 of an operand make no difference to what an operator computes.
 *
 * Proof. NumPy's rule puts ones in front of the shorter operand, so that [n] and [1, n] are stretched alike; only the rank of the result
 * can tell them apart, which is the largest rank of all operands: no difference where another operand has at least the larger of the
 * two ranks. Gemm stretches C to the matrix A * B, whose rank is 2 whatever C's is.
 *
 * @param rank the larger of the ranks that the operand has in the two networks
 * @returns null if it makes none; otherwise the reason in words
 */
export function whyRankMatters(
  { domain, opType, attributes, operands }: Operator,
  port: string,
  rank: number,
  dimsOf: KnownDims,
): string | null {
  if (domain === '' && opType === 'Gemm' && port === '2' && rank <= 2) return null
  if (domain !== '' || !broadcasting.has(opType) || attributes.size > 0) return 'the operator does not stretch it'
  const others = operands.filter(operand => operand.port !== port).map(({ value }) => dimsOf(value)?.length ?? null)
  if (others.some(other => other !== null && other >= rank)) return null
  const known = others.includes(null) ? 'is not known' : 'is less'
  return `the two are the same only where another operand has ${rank} dimensions or more, and how many there are ${known}`
}
