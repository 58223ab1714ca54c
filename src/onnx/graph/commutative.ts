import { distinctMarks, distinctNames, type NameBudget, nameEndings } from './cone-names.ts'
import type { Operand, Operator, Value } from './network.ts'
import type { NetworkHashes } from './network-hash.ts'

/** Operators of ONNX whose inputs may have any order. */
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

/** An operand of the base and its partner. */
export type OperandPair = readonly [ours: Operand, theirs: Operand]

/** Numbers of operators. Two operators that are paired have the same number. */
export type OperatorMarks = ReadonlyMap<Operator, number>

type Hashes = { ours: NetworkHashes; theirs: NetworkHashes }

/**
 * Pairs of a commutative operator's operands. `byNames`: true if names of tensors decided between pairings that
 * structure leaves open. `isGuess`: true if only the written order decided.
 */
export type CommutativePairs = {
  pairs: readonly OperandPair[]
  isReordered: boolean
  byNames: boolean
  isGuess: boolean
}

/**
 * True if an operator's operands may have any order. With an attribute (broadcast and axis, before version 7) the
 * second operand is stretched to the first, so their order matters.
 */
export function isCommutative({ domain, opType, attributes }: Operator): boolean {
  return domain === '' && commutative.has(opType) && attributes.size === 0
}

/**
 * True if operands pair as written, whatever they are computed from: each of an operator is of another kind (a tensor,
 * a result), and those at one place are of one kind. Nearly all biases and scales are such, and then need no hashes.
 */
export function pairByKind({ operands: ours }: Operator, { operands: theirs }: Operator): boolean {
  return (
    ours.length === theirs.length &&
    ours.every(({ value }, index) => {
      const kind = value?.kind
      return kind === theirs[index]?.value?.kind && ours.findIndex(other => other.value?.kind === kind) === index
    })
  )
}

/** True if hashes leave several ways to pair the operands of two commutative operators. */
export function isTied(ours: Operator, theirs: Operator, hashes: Hashes): boolean {
  return repeats(hashesOf(ours, hashes.ours)) && repeats(hashesOf(theirs, hashes.theirs))
}

function hashesOf({ operands }: Operator, { of }: NetworkHashes): string[] {
  return operands.map(({ value }) => of(value))
}

function repeats(hashes: readonly string[]): boolean {
  // Nearly all of these operators have two operands.
  return hashes.length === 2 ? hashes[0] === hashes[1] : new Set(hashes).size < hashes.length
}

/**
 * Pairs the operands of two commutative operators by their hashes, which ignore the order of operands. Among operands
 * of one hash it pairs, in this order:
 * - those whose operators were paired elsewhere;
 * - those whose tensors share names, or ends of names, since wrappers of frameworks prepend prefixes (`module.`,
 *   `_orig_mod.`);
 * - the rest as written.
 *
 * So names only decide between pairings that structure leaves open.
 */
export function pairCommutative(
  ours: Operator,
  theirs: Operator,
  hashes: Hashes,
  marks: OperatorMarks,
  budget: NameBudget,
): CommutativePairs {
  const [own, their] = [hashesOf(ours, hashes.ours), hashesOf(theirs, hashes.theirs)]
  if (own.length === their.length && !repeats(own) && own.every((hash, index) => hash === their[index]))
    return { pairs: pairsAsWritten(ours, theirs), isReordered: false, byNames: false, isGuess: false }
  const byHash = new Map<string, Operand[]>()
  for (const [index, operand] of theirs.operands.entries()) {
    const hash = their[index] ?? ''
    const some = byHash.get(hash)
    if (some) some.push(operand)
    else byHash.set(hash, [operand])
  }
  const partners = new Map<Operand, Operand>()
  let byNames = false
  let isGuess = false
  for (const [hash, tied] of Map.groupBy(ours.operands, ({ value }) => hashes.ours.of(value))) {
    const theirTied = byHash.get(hash) ?? []
    const settled = new Map<Operand, Operand>()
    if (theirTied.length > 1) {
      pairByLabels(tied, theirTied, settled, values => distinctMarks(values, marks, budget))
      const before = settled.size
      pairByLabels(tied, theirTied, settled, values => distinctNames(values, budget))
      if (settled.size === before)
        pairByLabels(tied, theirTied, settled, values => distinctNames(values, budget, nameEndings))
      byNames ||= settled.size > before
    }
    const taken = new Set(settled.values())
    const free = theirTied.filter(operand => !taken.has(operand))
    isGuess ||= new Set(free.map(({ value }) => value)).size > 1
    const inOrder = free.values()
    for (const operand of tied) {
      const partner = settled.get(operand) ?? inOrder.next().value
      if (partner) partners.set(operand, partner)
    }
  }
  const taken = new Set(partners.values())
  const rest = theirs.operands.values().filter(operand => !taken.has(operand))
  const pairs = ours.operands.map((operand): OperandPair => {
    return [operand, partners.get(operand) ?? rest.next().value ?? { port: operand.port, value: null }]
  })
  return {
    pairs,
    isReordered: pairs.some(([, partner], index) => partner !== theirs.operands[index]),
    byNames,
    isGuess,
  }
}

function pairsAsWritten(ours: Operator, theirs: Operator): OperandPair[] {
  return ours.operands.flatMap((operand, index): OperandPair[] => {
    const partner = theirs.operands[index]
    return partner ? [[operand, partner]] : []
  })
}

/**
 * Adds pairs of operands that share labels, those that share most first. Takes linear time if few operands share a
 * label.
 * @param pairs pairs found before, which stay
 * @param labelsOf returns the labels of each of some values
 */
function pairByLabels<Label>(
  ours: readonly Operand[],
  theirs: readonly Operand[],
  pairs: Map<Operand, Operand>,
  labelsOf: (values: readonly (Value | null)[]) => readonly ReadonlySet<Label>[],
): void {
  const taken = new Set(pairs.values())
  const [left, theirLeft] = [ours.filter(operand => !pairs.has(operand)), theirs.filter(operand => !taken.has(operand))]
  if (theirLeft.length < 2) return
  const [own, other] = [left, theirLeft].map(operands => labelsOf(operands.map(({ value }) => value)))
  const columns = new Map<Label, number[]>()
  for (const [column, labels] of other?.entries() ?? []) {
    for (const label of labels) {
      const some = columns.get(label)
      if (some) some.push(column)
      else columns.set(label, [column])
    }
  }
  const scored = left.flatMap((operand, row) => {
    const scores = new Map<number, number>()
    for (const label of own?.[row] ?? [])
      for (const column of columns.get(label) ?? []) scores.set(column, (scores.get(column) ?? 0) + 1)
    return [...scores]
      .sort(([a], [b]) => a - b)
      .flatMap(([column, score]) => {
        const partner = theirLeft[column]
        return partner ? [{ operand, partner, score }] : []
      })
  })
  for (const { operand, partner } of scored.sort((a, b) => b.score - a.score)) {
    if (pairs.has(operand) || taken.has(partner)) continue
    pairs.set(operand, partner)
    taken.add(partner)
  }
}
