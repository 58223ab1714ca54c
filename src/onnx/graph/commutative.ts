import { distinctNames, type NameBudget } from './cone-names.ts'
import type { Operand, Operator } from './network.ts'
import type { NetworkHashes } from './network-hash.ts'

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

/** Operands that are paired with each other. */
export type OperandPair = readonly [ours: Operand, theirs: Operand]

/** How operands of a commutative operator were paired: `names` if names of tensors settled what structure left open. */
export type CommutativePairs = { pairs: readonly OperandPair[]; isReordered: boolean; byNames: boolean }

/** Whether operands may stand in any order. With an attribute (broadcast and axis, before version 7) the second is stretched to the first. */
export function isCommutative({ domain, opType, attributes }: Operator): boolean {
  return domain === '' && commutative.has(opType) && attributes.size === 0
}

/**
 * Pairs the operands of two commutative operators by hashes that are alike for operands in any order: those with equal hashes with each other; among several with one hash those whose
 * tensors have names in common; the rest as written. Names only settle what structure leaves open, since operands with one hash fit
 * in either order.
 */
export function pairCommutative(
  ours: Operator,
  theirs: Operator,
  hashes: { ours: NetworkHashes; theirs: NetworkHashes },
  budget: NameBudget,
): CommutativePairs {
  const byHash = new Map<string, Operand[]>()
  for (const operand of theirs.operands) {
    const hash = hashes.theirs.of(operand.value)
    const some = byHash.get(hash)
    if (some) some.push(operand)
    else byHash.set(hash, [operand])
  }
  const partners = new Map<Operand, Operand>()
  let byNames = false
  for (const [hash, tied] of Map.groupBy(ours.operands, ({ value }) => hashes.ours.of(value))) {
    const theirTied = byHash.get(hash) ?? []
    const named = theirTied.length > 1 ? pairByNames(tied, theirTied, budget) : new Map<Operand, Operand>()
    byNames ||= named.size > 0
    const free = theirTied.filter(operand => !new Set(named.values()).has(operand))
    for (const operand of tied) {
      const partner = named.get(operand) ?? free.shift()
      if (partner) partners.set(operand, partner)
    }
  }
  const taken = new Set(partners.values())
  const rest = theirs.operands.filter(operand => !taken.has(operand))
  const pairs = ours.operands.map((operand): OperandPair => {
    return [operand, partners.get(operand) ?? rest.shift() ?? { port: operand.port, value: null }]
  })
  return { pairs, isReordered: pairs.some(([, partner], index) => partner !== theirs.operands[index]), byNames }
}

/** Operands that only names tell apart, the pairs with most names in common first. */
function pairByNames(ours: readonly Operand[], theirs: readonly Operand[], budget: NameBudget): Map<Operand, Operand> {
  const [own, other] = [ours, theirs].map(operands =>
    distinctNames(
      operands.map(({ value }) => value),
      budget,
    ),
  )
  const scored = ours.flatMap((operand, row) =>
    theirs.flatMap((partner, column) => {
      const [names, theirNames] = [own?.[row], other?.[column]]
      const score = names && theirNames ? names.intersection(theirNames).size : 0
      return score > 0 ? [{ operand, partner, score }] : []
    }),
  )
  const pairs = new Map<Operand, Operand>()
  const taken = new Set<Operand>()
  for (const { operand, partner } of scored.sort((a, b) => b.score - a.score)) {
    if (pairs.has(operand) || taken.has(partner)) continue
    pairs.set(operand, partner)
    taken.add(partner)
  }
  return pairs
}
