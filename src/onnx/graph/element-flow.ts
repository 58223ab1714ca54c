import { dtypeName } from '../../tensor/dtype.ts'
import { holdsFloats } from '../averaged-tensors.ts'
import type { Leaf, Operator } from './network.ts'
import { type Reached, reachedBy, spread } from './spread.ts'
import type { FlowItem, FlowOperator, FlowValue, Read, ValueFlow } from './value-flow.ts'

/** Where the elements of an operand go. `handed`: into results, in any form. `none`: nowhere. */
export type ElementWay = 'handed' | 'slot' | 'scale' | 'rounded' | 'computed' | 'none'

/** The ways of elements through a network, as far as other values decide them. */
export type ElementFlow = {
  wayOf(read: Read): ElementWay
  /**
   * True if a layer contributes to a value. A layer is an operator that computes with data of the inputs and weights.
   */
  isLearned(value: FlowValue): boolean
  /** Visits the values or operators that the elements of an item come from, one step back. */
  visitSources(item: FlowItem, visit: Visit): void
}

type Visit = (item: FlowItem) => void

/** Finds where the elements of each operand go. Takes time linear in the size of the network. */
export function elementFlow(flow: ValueFlow): ElementFlow {
  const ofData = once(() => dataValues(flow))
  const isOfData = (value: FlowValue) => ofData().has(value)
  const quantised = quantisedValues(flow, isOfData)
  const unscaled = unscaledValues(flow, isOfData)
  const wayOf = (read: Read): ElementWay => {
    const { kind } = read.way
    if (kind === 'slot' || kind === 'rounded' || kind === 'computed') return kind
    if (kind === 'dims' || kind === 'bodies') return 'none'
    if (kind === 'mapped' && isScale(read)) return 'scale'
    // A fold of sizes (the minimum of two, say) passes them on; a fold over data is the computation of a layer.
    return kind === 'folded' && ofData().has(read.value) ? 'computed' : 'handed'
  }
  const isScale = ({ value, reader: { operator, operands } }: Read): boolean => {
    if (quantised.items.length === 0 || operands.length !== 2 || !isOneOf(operator, scaling)) return false
    const other = operands.find(operand => operand.value !== value)
    const elements = (other && (quantised.labelOf(other.value) ?? unscaled.labelOf(other.value))) ?? 0
    if (operator.opType === 'Sub' && other && (elements === Number.POSITIVE_INFINITY || isOfData(other.value)))
      return false
    return elements > (value.leaf?.tensor?.elements ?? 0) && !quantised.has(value) && !ofData().has(value)
  }
  const learned = once(() => {
    const leaves = flow.values.filter(({ leaf }) => leaf !== null && mayBeOfLayer(leaf))
    const ofLayers = reachedBy<FlowItem>(flow.size, leaves, (item, visit) => {
      if (item.kind === 'operator') return visitReceivers(item, visit)
      for (const read of item.reads) if (wayOf(read) === 'handed') visit(read.reader)
      for (const { value } of item.handedTo) visit(value)
    })
    const layers = flow.operators.filter(({ operands }) =>
      operands.some(read => ofLayers.has(read.value) && wayOf(read) === 'computed'),
    )
    const computed = layers.flatMap(({ results }) => results.filter(result => ofData().has(result)))
    return reachedBy<FlowItem>(flow.size, computed, visitDependents)
  })
  return {
    wayOf,
    isLearned: value => learned().has(value),
    visitSources(item, visit) {
      if (item.kind === 'operator') {
        for (const read of item.operands) if (wayOf(read) === 'handed') visit(read.value)
        return
      }
      const giver = giverOf(item)
      if (giver) visit(giver)
      for (const { value } of item.handedFrom) visit(value)
    },
  }
}

/** Returns the operator whose operands' elements enter a value; null if there is none. */
export function giverOf({ producer, index }: FlowValue): FlowOperator | null {
  return producer && (index === 0 || hasManyReceivers(producer)) ? producer : null
}

/** Returns the values that depend on elements of the graph's inputs, not only on their dims. */
function dataValues({ size, values }: ValueFlow): Reached<FlowItem, null> {
  const inputs = values.filter(({ isInput }) => isInput)
  return reachedBy<FlowItem>(size, inputs, visitDependents)
}

/** Visits the items that are computed in any way from elements of an item, one step forward. */
function visitDependents(item: FlowItem, visit: Visit): void {
  if (item.kind === 'operator') {
    for (const result of item.results) visit(result)
    return
  }
  for (const { way, reader } of item.reads) if (way.kind !== 'dims') visit(reader)
  for (const { value } of item.handedTo) visit(value)
}

const scaling = ['Mul', 'Div', 'Sub']
const scaledAtRunTime = ['Cast', 'Mul', 'Div']
/** Operators of unpacking: they subtract zero points, and take two numbers of 4 bits out of one of 8. */
const unpacked = ['Cast', 'Sub', 'Add', 'BitShift', 'BitwiseAnd', 'BitwiseOr']
const scaledAsHeld = [...unpacked, 'Mul', 'Div']
/** Operators whose result can be scaled instead of their weight: (x W) s = x (W s). */
const products = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul']

/**
 * Returns values in the units of quantised ones, each with a number of elements that a scale of it must stay below. The
 * number is infinite for products of integers, and for scales computed at run time. For a tensor in the model it is the
 * tensor's own number: a mask has as many elements as the weights that it multiplies.
 */
function quantisedValues(
  { size, values, operators }: ValueFlow,
  isOfData: (value: FlowValue) => boolean,
): Reached<FlowItem, number> {
  const atRunTime = operators.flatMap(({ operator, results }): [FlowItem, number][] => {
    const isProduct = isOneOf(operator, ['MatMulInteger', 'ConvInteger'])
    const result = isProduct ? results[0] : isOneOf(operator, ['DynamicQuantizeLinear']) ? results[1] : undefined
    return result ? [[result, Number.POSITIVE_INFINITY]] : []
  })
  const seeds = [...atRunTime, ...heldQuantised(values)]
  return spread(size, seeds, (item, visit, elements) => {
    const isHeld = elements < Number.POSITIVE_INFINITY
    if (item.kind === 'operator') {
      visitReceivers(item, value => {
        if (value.kind === 'value' && !(isHeld && isOfData(value))) visit(value)
      })
      return
    }
    for (const { way, reader } of item.reads) {
      const keepsUnits = way.kind === 'same' || way.kind === 'moved'
      if (keepsUnits || isOneOf(reader.operator, isHeld ? scaledAsHeld : scaledAtRunTime)) visit(reader)
    }
    for (const { value } of item.handedTo) visit(value)
  })
}

/**
 * Returns values computed from a quantised tensor in the model before anything has scaled them, including its products
 * with data. Weights of 8 bits may be multiplied first, and the result be scaled. Each value comes with the number of
 * elements of the tensor.
 */
function unscaledValues(
  { size, values }: ValueFlow,
  isOfData: (value: FlowValue) => boolean,
): Reached<FlowItem, number> {
  return spread(size, heldQuantised(values), (item, visit) => {
    if (item.kind === 'operator') return visitReceivers(item, visit)
    const passing = isOfData(item) ? ['Cast'] : [...unpacked, ...products]
    for (const { way, reader } of item.reads)
      if (way.kind === 'same' || way.kind === 'moved' || isOneOf(reader.operator, passing)) visit(reader)
    for (const { value } of item.handedTo) visit(value)
  })
}

/** Returns the quantised tensors in the model, the largest first, each with the number of its elements. */
function heldQuantised(values: readonly FlowValue[]): [FlowItem, number][] {
  const held = values.flatMap((value): [FlowItem, number][] => {
    const { leaf } = value
    return leaf?.tensor && isQuantised(leaf) ? [[value, leaf.tensor.elements]] : []
  })
  return held.sort(([, a], [, b]) => b - a)
}

const quantisedTypes: ReadonlySet<string> = new Set(['int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2'])

function isQuantised({ tensor }: Leaf): boolean {
  return tensor !== null && tensor.elements > 1 && quantisedTypes.has(dtypeName(tensor.dataType))
}

/** True if a tensor may be the weight of a layer: it has dims, and is not only a number of the arithmetic. */
function mayBeOfLayer(leaf: Leaf): boolean {
  const { tensor } = leaf
  return tensor !== null && tensor.dims.length > 0 && (holdsFloats(tensor) || isQuantised(leaf))
}

/**
 * Visits the results that the elements of operands enter: all results of a Split, and the first result of other
 * operators.
 */
function visitReceivers(operator: FlowOperator, visit: Visit): void {
  const { results } = operator
  for (const result of hasManyReceivers(operator) ? results : results.slice(0, 1)) visit(result)
}

function hasManyReceivers({ operator }: FlowOperator): boolean {
  return isOneOf(operator, ['Split'])
}

function isOneOf({ domain, opType }: Operator, names: readonly string[]): boolean {
  return domain === '' && names.includes(opType)
}

function once<Result>(find: () => Result): () => Result {
  let found: { result: Result } | undefined
  return () => {
    found ??= { result: find() }
    return found.result
  }
}
