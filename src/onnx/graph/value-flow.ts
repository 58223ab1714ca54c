import { byNumber } from './by-number.ts'
import type { Leaf, Network, NetworkInput, Operator, Value } from './network.ts'
import { type Way, wayOf } from './operand-way.ts'

/** A value of a network, with the operators and values that its elements come from and go to. */
export type FlowValue = {
  kind: 'value'
  id: number
  /** The tensor that this value is; null for inputs and results. */
  leaf: Leaf | null
  isInput: boolean
  /** The operator of which this is a result, with the result's index; null for all other values. */
  producer: FlowOperator | null
  index: number
  reads: Read[]
  /**
   * Values that a subgraph passes this value to: results of its operator, or its own inputs. `handedFrom` is the
   * reverse.
   */
  handedTo: Handover[]
  handedFrom: Handover[]
}

/** `isChoice`: true if a branch passes it to its If. */
export type Handover = { value: FlowValue; isChoice: boolean }

/** An operand: the value, its reader, and where its elements go in the reader. */
export type Read = { value: FlowValue; reader: FlowOperator; way: Way }

export type FlowOperator = { kind: 'operator'; id: number; operator: Operator; operands: Read[]; results: FlowValue[] }

/** A value or an operator. Each has a number of its own. */
export type FlowItem = FlowValue | FlowOperator

export type ValueFlow = {
  /** The number of values and operators. */
  size: number
  values: FlowValue[]
  operators: FlowOperator[]
  /** The value of each output of the graph; null for an output that nothing defines. */
  outputs: (FlowValue | null)[]
  /** Values whose use is not followed: in graphs for training, and in subgraphs of unknown operators. */
  elsewhere: FlowValue[]
}

/** Connects the values of a network through operators and subgraphs. Takes time linear in the size of the network. */
export function valueFlow(network: Network): ValueFlow {
  const values = new FlowValues(network)
  for (const leaf of network.leaves) values.of(leaf)
  for (const operator of network.operators) connectOperands(values, operator)
  for (const operator of network.operators) for (const graph of operator.subgraphs) connectBody(values, operator, graph)
  const of = (value: Value | null) => values.of(value)
  const outputs = network.outputs.map(of)
  const elsewhere = [...network.training, ...network.operators.flatMap(notFollowed)].flatMap(value => of(value) ?? [])
  return {
    size: values.size,
    values: values.all,
    operators: values.operators,
    outputs,
    elsewhere,
  }
}

/**
 * Empty lists that values and operators share until they have an item. A network may have some hundred thousand values, and a list that
 * grows from nothing takes room for 17 items.
 */
const [noHandovers, noReads, noResults]: [Handover[], Read[], FlowValue[]] = [[], [], []]

/** Adds an item to a list, and returns the list. A shared empty list is replaced by a new one. */
function withItem<Item>(list: Item[], item: Item): Item[] {
  if (list.length === 0) return [item]
  list.push(item)
  return list
}

class FlowValues {
  size = 0
  readonly all: FlowValue[] = []
  readonly operators: FlowOperator[] = []
  /** By the number of the operator in its network. */
  readonly #byId: (FlowOperator | undefined)[]
  readonly #inputs = new Map<NetworkInput, FlowValue>()
  /** By the number of the leaf in its network. */
  readonly #leaves: (FlowValue | undefined)[]
  readonly #formals = new Map<Operator, Map<string, FlowValue>>()

  constructor({ operators, leaves }: Network) {
    this.#leaves = byNumber(leaves)
    this.#byId = byNumber(operators)
  }

  of(value: Value | null): FlowValue | null {
    if (value === null || value.kind === 'free') return null
    if (value.kind === 'result') return this.resultOf(value.operator, value.index)
    if (value.kind === 'formal') return this.formalOf(value.operator, value.attribute, value.index)
    const known = value.kind === 'leaf' ? this.#leaves[value.id] : this.#inputs.get(value)
    if (known) return known
    const made = this.#add(value.kind === 'leaf' ? value : null, value.kind === 'input', null, 0)
    if (value.kind === 'leaf') this.#leaves[value.id] = made
    else this.#inputs.set(value, made)
    return made
  }

  operatorOf(operator: Operator): FlowOperator {
    const known = this.#byId[operator.id]
    if (known) return known
    const made: FlowOperator = {
      kind: 'operator',
      id: this.size,
      operator,
      operands: noReads,
      results: noResults,
    }
    this.size += 1
    this.#byId[operator.id] = made
    this.operators.push(made)
    return made
  }

  resultOf(operator: Operator, index: number): FlowValue {
    const producer = this.operatorOf(operator)
    for (let next = producer.results.length; next <= index; next += 1)
      producer.results = withItem(producer.results, this.#add(null, false, producer, next))
    return producer.results[index] ?? this.#add(null, false, producer, index)
  }

  formalOf(operator: Operator, attribute: string, index: number): FlowValue {
    const formals = this.#formals.get(operator) ?? new Map<string, FlowValue>()
    this.#formals.set(operator, formals)
    const key = `${attribute} ${index}`
    const known = formals.get(key)
    if (known) return known
    const made = this.#add(null, false, null, 0)
    formals.set(key, made)
    return made
  }

  #add(leaf: Leaf | null, isInput: boolean, producer: FlowOperator | null, index: number): FlowValue {
    const value: FlowValue = {
      kind: 'value',
      id: this.size,
      leaf,
      isInput,
      producer,
      index,
      reads: noReads,
      handedTo: noHandovers,
      handedFrom: noHandovers,
    }
    this.size += 1
    this.all.push(value)
    return value
  }
}

function connectOperands(values: FlowValues, operator: Operator): void {
  const reader = values.operatorOf(operator)
  const { operands } = operator
  let inputs = 0
  for (const { port } of operands) if (!port.startsWith('.')) inputs += 1
  for (const { port, value } of operands) {
    const operand = values.of(value)
    if (!operand) continue
    const read: Read = { value: operand, reader, way: wayOf(operator, port, inputs) }
    operand.reads = withItem(operand.reads, read)
    reader.operands = withItem(reader.operands, read)
  }
}

/**
 * Connects a subgraph. The results of If are those of its branches. The bodies of Loop, Scan and SequenceMap take the
 * node's inputs. Those of Loop and Scan also take the state that they return.
 */
function connectBody(
  values: FlowValues,
  operator: Operator,
  { attribute, formals, outputs }: Operator['subgraphs'][number],
): void {
  const { opType, operands } = operator
  if (!isFollowed(operator)) return
  const hand = (from: FlowValue | null, to: FlowValue | null, isChoice: boolean) => {
    if (!from || !to) return
    from.handedTo = withItem(from.handedTo, { value: to, isChoice })
    to.handedFrom = withItem(to.handedFrom, { value: from, isChoice })
  }
  const isLoop = opType === 'Loop'
  // The body of a Loop takes a count and a condition before its state, and returns the condition first.
  outputs.forEach((output, index) => {
    const result = isLoop ? index - 1 : index
    if (result >= 0) hand(values.of(output), values.resultOf(operator, result), opType === 'If')
  })
  if (opType === 'If') return
  const formal = (index: number) => values.formalOf(operator, attribute, index)
  for (const { port, value } of operands)
    if (!port.startsWith('.') && Number(port) < formals) hand(values.of(value), formal(Number(port)), false)
  const state = stateOf(operator, formals)
  for (let index = 0; index < state.length; index += 1)
    hand(values.of(outputs[state.from + index] ?? null), formal(state.to + index), false)
}

function isFollowed({ domain, opType }: Operator): boolean {
  return domain === '' && ['If', 'Loop', 'Scan', 'SequenceMap'].includes(opType)
}

/** Returns the outputs of an operator's subgraphs, unless it is known what the operator does with them. */
function notFollowed(operator: Operator): (Value | null)[] {
  return isFollowed(operator) ? [] : operator.subgraphs.flatMap(({ outputs }) => outputs)
}

/**
 * Returns the outputs of a body (`length` ones from `from` on) that become its inputs (from `to` on) in the next
 * iteration.
 */
function stateOf(
  { opType, operands, attributes }: Operator,
  formals: number,
): { from: number; to: number; length: number } {
  if (opType === 'Loop') return { from: 1, to: 2, length: Math.max(0, formals - 2) }
  if (opType !== 'Scan') return { from: 0, to: 0, length: 0 }
  const scanned = Number(/^int (\d+)$/.exec(attributes.get('num_scan_inputs') ?? '')?.[1] ?? operands.length)
  return { from: 0, to: 0, length: Math.max(0, formals - scanned) }
}
