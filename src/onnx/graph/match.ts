import { limitExceeded } from '../limit-exceeded.ts'
import { limits } from '../limits.ts'
import { compareLeaves, compareOperators, type Difference, describe, operatorName, shown } from './differences.ts'
import type { Formal, Leaf, Network, NetworkInput, Operand, Operator, Value } from './network.ts'

/** Two tensors that stand in the same place of two networks. */
export type LeafPair = { ours: Leaf; theirs: Leaf }

/** How a network lines up with the base's (ours). */
export type Match = {
  /** By leaf of the base, the other's. One of the other's may stand in several places of the base. */
  leaves: ReadonlyMap<Leaf, Leaf>
  /** A tensor that the base has once where the other has several: only if those hold the same can the one stand for all. */
  copies: LeafPair[]
  /** What is not the same, in the order of the walk; empty if the two are one network. */
  differences: Difference[]
  /** Operators that were paired with each other. */
  operators: ReadonlyMap<Operator, Operator>
}

/** In which order the operands of an operator are paired with another's; as they stand, if it says nothing. */
export type OperandOrder = (operator: Operator) => readonly Operand[] | undefined

type Pending = { ours: Value | null; theirs: Value | null; at: Operator | null; theirAt: Operator | null; port: string }

/**
 * Walks two networks in lockstep from their outputs. As inputs and outputs have an order, each value has an address ("output 0, its
 * second input, ..."), so that the pairing is the only one there is; what differs is recorded where it is met. Linear where the two
 * share what they compute alike.
 *
 * @throws TureenError `TUREEN_MODEL_LIMIT` if they share it so differently that the pairs are too many
 */
export function matchNetworks(base: Network, other: Network, order: OperandOrder = () => undefined): Match {
  const leaves = new Map<Leaf, Leaf>()
  const operators = new Map<Operator, Operator>()
  const copies: LeafPair[] = []
  const differences: Difference[] = []
  const met = new Map<Value | Operator, Set<Value | Operator | null>>()
  let pairs = 0
  const isNew = (ours: Value | Operator, theirs: Value | Operator | null): boolean => {
    const known = met.get(ours) ?? new Set()
    met.set(ours, known)
    if (known.has(theirs)) return false
    known.add(theirs)
    pairs += 1
    if (pairs > limits.matchedPairs)
      throw limitExceeded('matchedPairs', 'pairs of values to compare with the other model')
    return true
  }
  const pending: Pending[] = []
  const push = (some: Pending[]) => {
    for (const each of some.reverse()) pending.push(each)
  }

  const pairOperators = (ours: Operator, theirs: Operator): void => {
    if (!isNew(ours, theirs)) return
    if (!operators.has(ours)) operators.set(ours, theirs)
    const found = compareOperators(ours, theirs)
    differences.push(...found)
    if (found.some(({ isHard }) => isHard)) return
    const [a, b] = [order(ours) ?? ours.operands, order(theirs) ?? theirs.operands]
    const operands = a.map(({ value, port }, index): Pending => {
      return { ours: value, theirs: b[index]?.value ?? null, at: ours, theirAt: theirs, port }
    })
    const results = ours.subgraphs.flatMap(({ attribute, outputs }, index) =>
      outputs.map((value, output): Pending => {
        const theirValue = theirs.subgraphs[index]?.outputs[output] ?? null
        return { ours: value, theirs: theirValue, at: ours, theirAt: theirs, port: `${attribute} output ${output}` }
      }),
    )
    push([...operands, ...results])
  }

  const pairLeaves = (ours: Leaf, theirs: Leaf, at: Operator | null): void => {
    if (!isNew(ours, theirs)) return
    const before = leaves.get(ours)
    if (before) copies.push({ ours, theirs })
    else leaves.set(ours, theirs)
    const difference = compareLeaves(ours, theirs, at)
    if (difference) differences.push(difference)
  }

  const pairValues = ({ ours, theirs, at, theirAt, port }: Pending): void => {
    if (ours === null && theirs === null) return
    if (ours?.kind === 'result' && theirs?.kind === 'result' && ours.index === theirs.index)
      pairOperators(ours.operator, theirs.operator)
    else if (ours?.kind === 'leaf' && theirs?.kind === 'leaf') pairLeaves(ours, theirs, at)
    else if (!sameSource(ours, theirs)) differences.push(otherValue(ours, theirs, theirAt, port))
  }

  for (const kind of ['training', 'outputs'] as const) {
    const [ours, theirs] = [base[kind], other[kind]]
    const what = kind === 'outputs' ? 'output' : 'training output'
    if (ours.length !== theirs.length) differences.push(otherOutputs(ours, theirs, what))
    push(
      ours.slice(0, theirs.length).map((value, index): Pending => {
        return { ours: value, theirs: theirs[index] ?? null, at: null, theirAt: null, port: `${what} ${index}` }
      }),
    )
  }
  if (base.unknown !== other.unknown)
    differences.push({
      kind: 'other',
      isHard: false,
      message: 'has other fields of model or graph that no schema knows',
    })
  for (let next = pending.pop(); next; next = pending.pop()) pairValues(next)
  return { leaves, copies, differences, operators }
}

function sameSource(ours: Value | null, theirs: Value | null): boolean {
  if (ours?.kind === 'input' && theirs?.kind === 'input') return sameInput(ours, theirs)
  if (ours?.kind === 'formal' && theirs?.kind === 'formal') return sameFormal(ours, theirs)
  return ours?.kind === 'free' && theirs?.kind === 'free' && ours.name === theirs.name
}

function sameInput(ours: NetworkInput, theirs: NetworkInput): boolean {
  return ours.rank === theirs.rank && ours.type === theirs.type
}

function sameFormal(ours: Formal, theirs: Formal): boolean {
  return ours.depth === theirs.depth && ours.attribute === theirs.attribute && ours.index === theirs.index
}

function otherValue(ours: Value | null, theirs: Value | null, theirAt: Operator | null, port: string): Difference {
  const what = theirAt ? `input ${shown(port)} of ${operatorName(theirAt)}` : `${port} of the model`
  const isTypeOnly = ours?.kind === 'input' && theirs?.kind === 'input' && ours.rank === theirs.rank
  return {
    kind: 'wiring',
    isHard: !isTypeOnly,
    ...(theirAt ? { node: theirAt.name } : {}),
    ...(theirs?.kind === 'leaf' ? { tensor: theirs.name } : {}),
    message: `${what} is ${describe(theirs)}, in the base ${describe(ours)}`,
  }
}

function otherOutputs(ours: readonly (Value | null)[], theirs: readonly (Value | null)[], what: string): Difference {
  const more = theirs.length > ours.length
  const extra = (more ? theirs : ours).slice(Math.min(ours.length, theirs.length)).slice(0, 3).map(describe).join(', ')
  return {
    kind: 'outputs',
    isHard: true,
    message: `has ${theirs.length} ${what}s, the base ${ours.length}: ${more ? 'more' : 'missing'} here ${extra}`,
  }
}
