import type { KnownDims } from './known-dims.ts'
import type { Leaf, Operator } from './network.ts'

/** Operators of ai.onnx that broadcast their operands as NumPy does. */
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
 * True if two weights have the same elements in the same order, and differ only in leading dimensions of 1, as [n] and
 * [1, n] do.
 */
export function differInLeadingOnes(ours: Leaf, theirs: Leaf): boolean {
  if (!ours.isWeight || !theirs.isWeight || ours.indices || theirs.indices) return false
  return ours.type !== theirs.type && typeWithoutLeadingOnes(ours) === typeWithoutLeadingOnes(theirs)
}

/** Returns the type of a leaf without leading dimensions of 1. */
export function typeWithoutLeadingOnes({ type, indices }: Leaf): string {
  return indices ? type : type.replace(/\[(?:1(?:, |(?=\])))*/, '[')
}

/**
 * The two operands of the largest ranks, and the ports of two operands of unknown rank. Two are enough to find one that
 * is not a given operand.
 */
type Ranks = { largest: readonly { port: string; rank: number }[]; unknown: readonly string[] }

/** Kept by the network's known dims: an operator may read thousands of leaves, and each asks for the ranks. */
const known = new WeakMap<KnownDims, WeakMap<Operator, Ranks>>()

function ranksOf(operator: Operator, dimsOf: KnownDims): Ranks {
  const ofNetwork = known.get(dimsOf) ?? new WeakMap<Operator, Ranks>()
  known.set(dimsOf, ofNetwork)
  const before = ofNetwork.get(operator)
  if (before) return before
  const ranks = operator.operands.map(({ port, value }) => ({ port, rank: dimsOf(value)?.length ?? null }))
  const found = {
    largest: ranks
      .flatMap(({ port, rank }) => (rank === null ? [] : [{ port, rank }]))
      .sort((a, b) => b.rank - a.rank)
      .slice(0, 2),
    unknown: ranks.flatMap(({ port, rank }) => (rank === null ? [port] : [])).slice(0, 2),
  }
  ofNetwork.set(operator, found)
  return found
}

/**
 * Decides if leading dimensions of 1 of an operand change the result of an operator.
 *
 * Proof. NumPy's rule prepends ones to the shorter operand, so [n] and [1, n] are stretched alike. Only the rank of the
 * result can differ, which is the largest rank of all operands. So there is no change if another operand has at least
 * the larger of the two ranks. Gemm stretches C to the matrix A * B, whose rank is 2 for every C.
 *
 * @param rank the larger of the operand's ranks in the two networks
 * @returns null if they change nothing; otherwise the reason in words
 */
export function whyRankMatters(operator: Operator, port: string, rank: number, dimsOf: KnownDims): string | null {
  const { domain, opType, attributes } = operator
  if (domain === '' && opType === 'Gemm' && port === '2' && rank <= 2) return null
  if (domain !== '' || !broadcasting.has(opType) || attributes.size > 0) return 'the operator does not stretch it'
  const { largest, unknown } = ranksOf(operator, dimsOf)
  if (largest.some(other => other.port !== port && other.rank >= rank)) return null
  const why = unknown.some(other => other !== port) ? 'is not known' : 'is less'
  return `the two are the same only where another operand has ${rank} dimensions or more, and how many there are ${why}`
}
