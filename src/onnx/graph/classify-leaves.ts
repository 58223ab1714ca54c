import { holdsFloats } from '../averaged-tensors.ts'
import type { TensorEntry } from '../layout.ts'
import { type ElementFlow, elementFlow, giverOf } from './element-flow.ts'
import type { Network, ParameterUse } from './network.ts'
import { type Reached, reachedBy, spread } from './spread.ts'
import { type FlowItem, type FlowValue, type Read, type ValueFlow, valueFlow } from './value-flow.ts'

/**
 * The largest number of elements of a list that still counts as a number (a version, a shape). Such a number is never
 * averaged, although the model also computes with it, or outputs it with other dims. Those of ML-Agents have 1 to 3. A
 * larger list, or one of a higher rank, is a weight that the model also outputs.
 */
const largestNumber = 8

/**
 * Decides which leaves of a network are weights, which soups average, and which are parameters. A float is a parameter
 * if all its ways end in one of these places:
 *
 * - A slot, such as the scales of a Resize, through operators that move elements or compute each from the elements at
 *   its place.
 * - A Cast to integer or bool, or a comparison, on such ways. The gradient there is zero, so no training changes such a
 *   float. This does not hold next to the results of layers: a bias that is rounded together with such a result (the
 *   durations of a speech model, say) was trained on the result before. There, only numbers of rank 0 are parameters.
 * - A product with quantised values: an output of MatMulInteger or ConvInteger, a scale of DynamicQuantizeLinear, or a
 *   tensor of 8 or fewer bits with more elements. An unscaled product of data with such a tensor also counts. The
 *   integers are the base's, and the scale belongs to them.
 * - An unchanged output of the model: it is a number that the model outputs. A network without operators outputs its
 *   initializers, as a checkpoint does; those are weights.
 *
 * A tensor that is computed with in any other way is a weight. Operators that no output depends on are ignored.
 *
 * @param outputs names of the graph's outputs
 */
export function classifyLeaves(network: Network, outputs: readonly string[]): void {
  const flow = valueFlow(network)
  const elements = elementFlow(flow)
  const shown = shownValues(flow, outputs)
  const uses = usesOf(flow, elements)
  const { computed, rounded } = computedValues(flow, elements, shown)
  for (const value of flow.values) {
    const { leaf } = value
    if (!leaf?.tensor) continue
    const use = uses.labelOf(value)
    leaf.use = use ?? null
    if (!holdsFloats(leaf.tensor)) continue
    const isCheckpoint = network.operators.length === 0 && leaf.node === null
    const isComputed = computed.has(value) || (rounded.has(value) && leaf.tensor.dims.length > 0)
    const output = isCheckpoint ? undefined : numberOutput(value, leaf.tensor, shown, isComputed)
    if (!use && output !== undefined) leaf.use = { kind: 'output', node: null, output }
    leaf.isWeight = output === undefined && (use === undefined || isComputed || shown.reshaped.has(value))
  }
  for (const [leaf, key] of network.annotated) {
    leaf.isWeight = false
    leaf.use = { kind: 'slot', node: null, slot: `${key} of an annotation of quantisation` }
  }
}

/** Values that the model outputs, each with the name of the output. */
type Shown = {
  /** Unchanged, or only chosen by an If. */
  asIs: Reached<FlowItem, string>
  /** With other dims or in another float type. */
  reshaped: Reached<FlowItem, string>
}

function shownValues({ size, outputs }: ValueFlow, names: readonly string[]): Shown {
  const seeds = outputs.flatMap((value, index): [FlowItem, string][] => (value ? [[value, names[index] ?? '']] : []))
  const asIs = spread(size, seeds, (item, visit) => {
    if (item.kind === 'value') for (const { value, isChoice } of item.handedFrom) if (isChoice) visit(value)
  })
  const visitSame = (item: FlowItem, visit: (item: FlowItem) => void) => {
    if (item.kind === 'operator') return
    const giver = giverOf(item)
    for (const { value } of [...(giver?.operands.filter(({ way }) => way.kind === 'same') ?? []), ...item.handedFrom])
      visit(value)
  }
  const reshapedSeeds: [FlowItem, string][] = []
  for (const item of asIs.items) visitSame(item, value => reshapedSeeds.push([value, asIs.labelOf(item) ?? '']))
  return { asIs, reshaped: spread(size, reshapedSeeds, visitSame) }
}

/**
 * Returns the output that makes a tensor a number; undefined if there is none, or if the tensor is a weight that an
 * output shows.
 */
function numberOutput(
  value: FlowValue,
  { elements, dims }: TensorEntry,
  { asIs, reshaped }: Shown,
  isComputed: boolean,
): string | undefined {
  const isSmall = elements <= largestNumber && dims.length <= 1
  const output = asIs.labelOf(value)
  if (output !== undefined) return isSmall || !isComputed ? output : undefined
  return isSmall && !isComputed ? reshaped.labelOf(value) : undefined
}

/** Returns the use of each value that is a parameter. Of several uses, a slot comes first. */
function usesOf({ size, operators }: ValueFlow, { wayOf, visitSources }: ElementFlow): Reached<FlowItem, ParameterUse> {
  const found: Record<ParameterUse['kind'], [FlowItem, ParameterUse][]> = {
    slot: [],
    scale: [],
    rounded: [],
    output: [],
  }
  for (const { operator, operands } of operators) {
    const node = operator.name
    for (const read of operands) {
      const way = wayOf(read)
      if (read.way.kind === 'slot') found.slot.push([read.value, { ...read.way, node }])
      else if (way === 'scale' || way === 'rounded') found[way].push([read.value, { kind: way, node }])
    }
  }
  return spread(size, [...found.slot, ...found.scale, ...found.rounded], visitSources)
}

/** Returns the values that the model computes with, and those that it rounds together with results of layers. */
function computedValues(
  { size, operators, elsewhere }: ValueFlow,
  { wayOf, isLearned, visitSources }: ElementFlow,
  { asIs, reshaped }: Shown,
): { computed: Reached<FlowItem, null>; rounded: Reached<FlowItem, null> } {
  const reads = operators.flatMap(({ operands }) => operands)
  const shown = [...asIs.items, ...reshaped.items].flatMap(item => (item.kind === 'value' ? (giverOf(item) ?? []) : []))
  const toOutputs = [...new Set(shown)]
    .flatMap(operator => operator.operands)
    .filter(read => wayOf(read) === 'handed' && read.way.kind !== 'same')
  const computing = reads.filter(read => wayOf(read) === 'computed')
  const rounding = reads.filter(read => wayOf(read) === 'rounded' && isLearned(read.value))
  return {
    computed: reachedBy<FlowItem>(size, [...valuesOf(computing), ...valuesOf(toOutputs), ...elsewhere], visitSources),
    rounded: reachedBy<FlowItem>(size, valuesOf(rounding), visitSources),
  }
}

function valuesOf(reads: readonly Read[]): FlowValue[] {
  return reads.map(({ value }) => value)
}
