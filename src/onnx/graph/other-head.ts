import type { Leaf, Network, Operator, Value } from './network.ts'
import type { NetworkHashes } from './network-hash.ts'
import { readsOf } from './reads-of.ts'

/** The part of a network that nothing is compared with, and the values that it reads of the rest. */
export type Head = {
  operators: ReadonlySet<Operator>
  /** Results that it reads and does not compute itself, each once. */
  reads: readonly (Value & { kind: 'result' })[]
}

/**
 * The head of a network: the operators that read a tensor which needs no counterpart and that the other network does not have, and all that
 * depends on their results. Undefined if there is no such operator.
 *
 * @param isCarried whether a tensor needs no counterpart
 * @param isShared whether the other network computes what an operator does
 */
export function headOf(
  { operators }: Network,
  isCarried: (leaf: Leaf) => boolean,
  isShared: (operator: Operator) => boolean,
): Head | undefined {
  const head = new Set<Operator>()
  // Operators stand behind those that they read.
  for (const operator of operators) {
    const reads = readsOf(operator)
    const begins = reads.some(value => value?.kind === 'leaf' && isCarried(value)) && !isShared(operator)
    const depends = reads.some(value => value?.kind === 'result' && head.has(value.operator))
    if (begins || depends) head.add(operator)
  }
  if (head.size === 0) return undefined
  const reads = new Map<Operator, Map<number, Value & { kind: 'result' }>>()
  for (const operator of head) {
    for (const value of readsOf(operator)) {
      if (value?.kind !== 'result' || head.has(value.operator)) continue
      const some = reads.get(value.operator) ?? new Map()
      reads.set(value.operator, some)
      some.set(value.index, value)
    }
  }
  return { operators: head, reads: [...reads.values()].flatMap(some => [...some.values()]) }
}

/** Whether a value is computed in the head. */
export function isInHead({ operators }: Head, value: Value | null): boolean {
  return value?.kind === 'result' && operators.has(value.operator)
}

/**
 * The values of another network that are computed as those are which a head reads; of several the one whose operator has the same name.
 * Null where there is none, or names do not say which.
 * @param hashes of both networks, alike where they compute alike
 */
export function valuesBeneath(
  { reads }: Head,
  other: Network,
  hashes: { ours: NetworkHashes; theirs: NetworkHashes },
): (readonly [ours: Value, theirs: Value | null])[] {
  const theirs = Map.groupBy(other.operators, hashes.theirs.ofOperator)
  return reads.map(value => {
    const found = theirs.get(hashes.ours.ofOperator(value.operator)) ?? []
    const named = found.length > 1 ? found.filter(operator => operator.name === value.operator.name) : found
    const [operator, ...more] = named
    const { index, name } = value
    const only: Value | null =
      operator && more.length === 0 ? { kind: 'result', name, operator, index, dims: null } : null
    return [value, only]
  })
}
