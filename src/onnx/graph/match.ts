import { limitExceeded } from '../limit-exceeded.ts'
import { limits } from '../model-limits.ts'
import { differInLeadingOnes } from './broadcast-leaf.ts'
import type { CommutativePairs, OperatorMarks } from './commutative.ts'
import { compareLeaves, compareOperators, type Difference, describe, operatorName, shown } from './differences.ts'
import { pairBiases, pairMatrices, whyDimsMatter } from './equal-forms.ts'
import type { InputPairs } from './interface-pairs.ts'
import type { Formal, Leaf, Network, NetworkInput, Operator, Value } from './network.ts'
import type { NetworkFiles } from './network-files.ts'
import type { Numbered } from './spread.ts'

/** Two tensors in the same place of two networks. */
export type LeafPair = { ours: Leaf; theirs: Leaf }

/** The result of lining up a network (theirs) with the base's (ours). */
export type Match = {
  /**
   * Leaves of the base with the other network's. One leaf of the other network may be in several places of the base.
   */
  leaves: ReadonlyMap<Leaf, Leaf>
  /**
   * Pairs of a tensor that the base has once and the other network several times. The base's tensor can replace them
   * only if all hold the same values.
   */
  copies: LeafPair[]
  /** Biases of the base, all zero, where the other network has none. There the other model's bias counts as zeros. */
  zeros: ReadonlySet<Leaf>
  /** All differences, in the order of the walk; empty if the networks are the same. */
  differences: Difference[]
  /** Operators of the base with the other network's. */
  operators: ReadonlyMap<Operator, Operator>
  /** Inputs of the base with the other network's. */
  inputs: ReadonlyMap<NetworkInput, NetworkInput>
  /**
   * `isReordered`: true if operands of commutative operators have another order. `byNames`: true if names decided how
   * to pair them.
   */
  isReordered: boolean
  byNames: boolean
}

/** Given to the walk: pairs of inputs and outputs, and how to pair operands that may have any order. */
export type MatchSettings = {
  inputs: InputPairs
  outputs: readonly (readonly [ours: number, theirs: number])[]
  /** Further pairs of values; null for a value that the other network lacks. */
  values?: readonly (readonly [ours: Value, theirs: Value | null])[]
  /** Returns true if the operands of two operators could be paired in several ways. */
  isTied(ours: Operator, theirs: Operator): boolean
  /**
   * Pairs the operands of two operators; undefined if they pair as written.
   * @param marks numbers of operators; two that are paired have the same number
   */
  pairOperands(ours: Operator, theirs: Operator, marks: OperatorMarks): CommutativePairs | undefined
}

type OperatorPair = { ours: Operator; theirs: Operator }

/**
 * Two values to compare. `at`, `theirAt`: the operators that read them, at `port` and `theirPort`; null for outputs of
 * the networks.
 */
type Pending = {
  ours: Value | null
  theirs: Value | null
  at: Operator | null
  theirAt: Operator | null
  port: string
  theirPort: string
}

/**
 * Walks two networks in lockstep from paired outputs. Each value has an address ("output 0, its second input, ..."), so
 * there is one possible pairing, and differences are recorded where they are met. Operators whose operands could be
 * paired in several ways come last: until then, other readers may have paired these operands. Takes linear time if both
 * networks share computations alike.
 *
 * @throws TureenError `TUREEN_MODEL_LIMIT` if they share computations so differently that there are too many pairs;
 * also if a tensor cannot be read
 */
export function matchNetworks(base: NetworkFiles, other: NetworkFiles, settings: MatchSettings): Match {
  const leaves = new Map<Leaf, Leaf>()
  const operators = new Map<Operator, Operator>()
  const marks = new Map<Operator, number>()
  const inputs = new Map(settings.inputs.fixed)
  const boundTheirs = new Set(inputs.values())
  const copies: LeafPair[] = []
  const zeros = new Set<Leaf>()
  const differences: Difference[] = []
  let isReordered = false
  let byNames = false
  /** True while walking below a pair that only the written order decided. Such a pair decides nothing elsewhere. */
  let isGuess = false
  const [metOperators, metLeaves] = [new MetPairs<Operator>(), new MetPairs<Leaf>()]
  let pairs = 0
  const isNew = <Item extends Numbered>(met: MetPairs<Item>, ours: Item, theirs: Item): boolean => {
    if (!met.add(ours, theirs)) return false
    pairs += 1
    if (pairs > limits.matchedPairs)
      throw limitExceeded('matchedPairs', 'pairs of values to compare with the other model')
    return true
  }
  const pending: Pending[] = []
  const tied: OperatorPair[] = []
  const postponed = new Set<Operator>()
  const push = (some: Pending[]) => {
    for (const each of some.reverse()) pending.push(each)
  }

  const pairOperators = (ours: Operator, theirs: Operator): void => {
    if (!isNew(metOperators, ours, theirs)) return
    if (!operators.has(ours)) operators.set(ours, theirs)
    const mark = marks.get(ours) ?? marks.get(theirs) ?? marks.size
    for (const operator of isGuess ? [] : [ours, theirs]) if (!marks.has(operator)) marks.set(operator, mark)
    const matrix = pairMatrices(ours, theirs, base, other)
    if (matrix) {
      differences.push(...matrix.differences)
      const [a, b] = [ours.operands[0], theirs.operands[0]]
      push([{ ours: a?.value ?? null, theirs: b?.value ?? null, at: ours, theirAt: theirs, port: '0', theirPort: '0' }])
      return
    }
    const biased = pairBiases(ours, theirs, base, other)
    for (const leaf of biased.zeros) zeros.add(leaf)
    differences.push(...biased.differences)
    const found = compareOperators(biased.ours, biased.theirs)
    for (const difference of found) differences.push(difference)
    if (found.some(({ isHard }) => isHard)) return
    if (settings.isTied(biased.ours, biased.theirs)) tied.push(biased)
    else pairOperands(biased)
  }

  const pairOperands = ({ ours, theirs }: OperatorPair): void => {
    const free = settings.pairOperands(ours, theirs, marks)
    if (free?.isGuess && !postponed.has(ours)) {
      postponed.add(ours)
      tied.push({ ours, theirs })
      return
    }
    isReordered ||= free?.isReordered === true
    byNames ||= free?.byNames === true
    if (free) isGuess ||= free.isGuess
    const operandPairs =
      free?.pairs ?? ours.operands.map((operand, index) => [operand, theirs.operands[index]] as const)
    const operands = operandPairs.map(([a, b]): Pending => {
      return {
        ours: a.value,
        theirs: b?.value ?? null,
        at: ours,
        theirAt: theirs,
        port: a.port,
        theirPort: b?.port ?? a.port,
      }
    })
    const results = ours.subgraphs.flatMap(({ attribute, outputs }, index) =>
      outputs.map((value, output): Pending => {
        const theirValue = theirs.subgraphs[index]?.outputs[output] ?? null
        const port = `${attribute} output ${output}`
        return { ours: value, theirs: theirValue, at: ours, theirAt: theirs, port, theirPort: port }
      }),
    )
    push([...operands, ...results])
  }

  const pairLeaves = (pair: Pending, ours: Leaf, theirs: Leaf): void => {
    const { at, theirAt } = pair
    const isFirst = isNew(metLeaves, ours, theirs)
    if (ours.type !== theirs.type && (isFirst || differInLeadingOnes(ours, theirs))) {
      const why = at && theirAt ? whyDimsMatter(ours, theirs, { ...pair, at, theirAt }, base, other) : ''
      const difference = why === null ? undefined : compareLeaves(ours, theirs, at)
      if (difference) differences.push({ ...difference, message: [difference.message, why].filter(Boolean).join('; ') })
    }
    if (!isFirst) return
    const before = leaves.get(ours)
    if (before) copies.push({ ours, theirs })
    else leaves.set(ours, theirs)
  }

  const sameInput = (ours: NetworkInput, theirs: NetworkInput): boolean => {
    const { open } = settings.inputs
    if (!inputs.has(ours) && !boundTheirs.has(theirs) && open.ours.has(ours) && open.theirs.has(theirs)) {
      inputs.set(ours, theirs)
      boundTheirs.add(theirs)
    }
    return inputs.get(ours) === theirs
  }

  const pairValues = (pair: Pending): void => {
    const { ours, theirs } = pair
    if (ours === null && theirs === null) return
    if (ours?.kind === 'result' && theirs?.kind === 'result' && ours.index === theirs.index)
      pairOperators(ours.operator, theirs.operator)
    else if (ours?.kind === 'leaf' && theirs?.kind === 'leaf') pairLeaves(pair, ours, theirs)
    else if (ours?.kind === 'input' && theirs?.kind === 'input') {
      const isSame = sameInput(ours, theirs)
      if (!isSame || ours.type !== theirs.type) differences.push(otherValue(pair, !isSame))
    } else if (!sameSource(ours, theirs)) differences.push(otherValue(pair, true))
  }

  const [ours, theirs] = [base.network, other.network]
  if (ours.training.length !== theirs.training.length) differences.push(otherTraining(ours, theirs))
  push(
    ours.training.slice(0, theirs.training.length).map((value, index): Pending => {
      const port = `training output ${index}`
      return { ours: value, theirs: theirs.training[index] ?? null, at: null, theirAt: null, port, theirPort: port }
    }),
  )
  push(
    settings.outputs.map(([a, b]): Pending => {
      const port = `the output ${shown(theirs.outputNames[b])}`
      const [value, their] = [ours.outputs[a] ?? null, theirs.outputs[b] ?? null]
      return { ours: value, theirs: their, at: null, theirAt: null, port, theirPort: port }
    }),
  )
  push(
    (settings.values ?? []).map(([a, b]): Pending => {
      const port = 'what the head of the base reads'
      return { ours: a, theirs: b, at: null, theirAt: null, port, theirPort: port }
    }),
  )
  if (ours.unknown !== theirs.unknown)
    differences.push({
      kind: 'other',
      isHard: false,
      message: 'has other fields of model or graph that no schema knows',
    })
  const walk = () => {
    for (let next = pending.pop(); next; next = pending.pop()) pairValues(next)
  }
  walk()
  for (const pair of tied) {
    isGuess = false
    pairOperands(pair)
    walk()
  }
  return { leaves, copies, zeros, differences, operators, inputs, isReordered, byNames }
}

/** Pairs of operators or leaves of two networks. Nearly all items have one counterpart, which needs no set. */
class MetPairs<Item extends Numbered> {
  /** By the number of our item. */
  readonly #first: (Item | undefined)[] = []
  readonly #others = new Map<Item, Set<Item>>()

  /** Adds a pair. Returns false if it is there already. */
  add(ours: Item, theirs: Item): boolean {
    const first = this.#first[ours.id]
    if (first === undefined) {
      this.#first[ours.id] = theirs
      return true
    }
    const others = this.#others.get(ours) ?? new Set()
    if (first === theirs || others.has(theirs)) return false
    this.#others.set(ours, others.add(theirs))
    return true
  }
}

function sameSource(ours: Value | null, theirs: Value | null): boolean {
  if (ours?.kind === 'formal' && theirs?.kind === 'formal') return sameFormal(ours, theirs)
  return ours?.kind === 'free' && theirs?.kind === 'free' && ours.name === theirs.name
}

function sameFormal(ours: Formal, theirs: Formal): boolean {
  return ours.depth === theirs.depth && ours.attribute === theirs.attribute && ours.index === theirs.index
}

function otherValue({ ours, theirs, theirAt, port }: Pending, isHard: boolean): Difference {
  const what = theirAt ? `input ${shown(port)} of ${operatorName(theirAt)}` : port
  return {
    kind: 'wiring',
    isHard,
    ...(theirAt ? { node: theirAt.name } : {}),
    ...(theirs?.kind === 'leaf' ? { tensor: theirs.name } : {}),
    message: `${what} is ${describe(theirs)}, in the base ${describe(ours)}`,
  }
}

function otherTraining(ours: Network, theirs: Network): Difference {
  const message = `has ${theirs.training.length} training outputs, the base ${ours.training.length}`
  return { kind: 'outputs', isHard: true, message }
}
