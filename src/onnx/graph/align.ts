import type { ModelFiles } from '../model-files.ts'
import { explainHard } from './explain.ts'
import { labelWithValues } from './fingerprint.ts'
import { type Match, matchNetworks, type OperandOrder } from './match.ts'
import type { Network, Operator } from './network.ts'
import { networkHashes, operatorLabel } from './network-hash.ts'

/** A network with the files that hold its tensors. */
export type NetworkFiles = ModelFiles & { network: Network }

/** `isReordered`: whether operands of commutative operators stand in another order and were paired by what they are. */
export type Alignment = Match & { isReordered: boolean }

/** Operators of ONNX whose inputs may stand in any order. */
const commutative: ReadonlySet<string> = new Set([
  'Add',
  'And',
  'BitwiseAnd',
  'BitwiseOr',
  'BitwiseXor',
  'Equal',
  'Max',
  'Mean',
  'Min',
  'Mul',
  'Or',
  'Sum',
  'Xor',
])

/**
 * Pairs the tensors of two models. Where the walk in lockstep fails, operands of commutative operators are put in the order of their
 * hashes on both sides (equal ones stay as written) and it is tried once more. Where that fails as well, hard differences are
 * explained by what lines up around them.
 *
 * @throws TureenError `TUREEN_MODEL_LIMIT`, or as reading tensors does
 */
export function alignNetworks(base: NetworkFiles, other: NetworkFiles): Alignment {
  const match = matchNetworks(base.network, other.network)
  if (match.differences.length === 0) return { ...match, isReordered: false }
  const [ours, theirs] = [canonicalOrder(base), canonicalOrder(other)]
  const again = matchNetworks(base.network, other.network, operator => ours(operator) ?? theirs(operator))
  if (again.differences.length === 0) return { ...again, isReordered: true }
  const isHard = (some: Match) => some.differences.some(difference => difference.isHard)
  if (!isHard(match)) return { ...match, isReordered: false }
  if (!isHard(again)) return { ...again, isReordered: true }
  return { ...match, differences: explainHard(base.network, other.network, match), isReordered: false }
}

function canonicalOrder(files: NetworkFiles): OperandOrder {
  const hashes = networkHashes(files.network, {
    leaf: leaf => labelWithValues(leaf, files),
    operator: operatorLabel,
    order: (operator, operands) => (isCommutative(operator) ? [...operands].sort() : operands),
  })
  const known = new Set(files.network.operators)
  return operator => {
    if (!known.has(operator) || !isCommutative(operator)) return undefined
    return operator.operands
      .map(operand => ({ operand, hash: hashes.of(operand.value) }))
      .sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))
      .map(({ operand }) => operand)
  }
}

/** With an attribute (broadcast and axis, before version 7) the second operand is stretched to the first. */
function isCommutative({ domain, opType, attributes }: Operator): boolean {
  return domain === '' && commutative.has(opType) && attributes.size === 0
}
