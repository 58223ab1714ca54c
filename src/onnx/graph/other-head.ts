import type { Leaf, Network, Operator, Value } from './network.ts'
import type { NetworkHashes } from './network-hash.ts'
import { readsOf } from './reads-of.ts'

/** The part of a network that is not compared, and the values that it reads from the rest. */
export type Head = {
  operators: ReadonlySet<Operator>
  /** Results that it reads and does not compute itself, each once. */
  reads: readonly (Value & { kind: 'result' })[]
}

/**
 * Returns the head of a network: the operators that read a tensor without need of a counterpart and that the other
 * network lacks, and everything that depends on their results. Undefined if there is no such operator.
 *
 * @param isCarried returns true if a tensor needs no counterpart
 * @param isShared returns true if the other network has an operator that computes the same
 */
export function headOf(
  { operators }: Network,
  isCarried: (leaf: Leaf) => boolean,
  isShared: (operator: Operator) => boolean,
): Head | undefined {
  const head = new Set<Operator>()
  // Operators come after those that they read.
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

/** True if a value is computed in the head. */
export function isInHead({ operators }: Head, value: Value | null): boolean {
  return value?.kind === 'result' && operators.has(value.operator)
}

/**
 * Returns for each value that a head reads the value of the other network that is computed alike. If there are several,
 * the one whose operator has the same name counts. Null if there is none, or if names do not decide.
 * @param hashes of both networks, equal for values that are computed alike
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
