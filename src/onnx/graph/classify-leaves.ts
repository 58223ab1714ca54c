import type { TensorEntry } from '../layout.ts'
import { holdsFloats } from '../weights.ts'
import { type ElementFlow, elementFlow, giverOf } from './element-flow.ts'
import type { Network, ParameterUse } from './network.ts'
import { type Reached, reachedBy, spread } from './spread.ts'
import { type FlowItem, type FlowValue, type Read, type ValueFlow, valueFlow } from './value-flow.ts'

/**
 * Elements of the largest list that is a number (a version, a shape) where a model puts it out and computes with it as well, or gives
 * it other dims. ML-Agents' have 1 to 3. What is larger or of a higher rank is a weight there, which the model shows.
 */
const largestNumber = 8

/**
 * Decides which leaves of a network are weights, that soups average, and what the others are parameters of. A float is a parameter if
 * all its ways end so:
 *
 * - in a slot, such as the scales of a Resize, through operators that move elements or compute each from those at its place;
 * - in a Cast to integer or bool, or in a comparison, on such ways. Their gradient is zero, so that no training moves what
 *   only acts through them. This does not hold beside what layers compute: a bias that a layer's result is rounded with (the
 *   durations of a speech model, say) was trained on the result before that. There only single numbers of rank 0 are parameters;
 * - in a product with quantised values: what MatMulInteger or ConvInteger put out, a scale of DynamicQuantizeLinear, or an 8-bit (or
 *   narrower) tensor with more elements, or the product of data with such a tensor that nothing scaled before. Their integers are the
 *   base's, and the scale belongs to them;
 * - in an output of the model, as it stands: it is a number that the model puts out. A network without operators puts out its
 *   initializers as a checkpoint does; those are weights.
 *
 * A tensor that is computed with in any other way is a weight, whatever else it is. What no output depends on has no part in this.
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

/** Values that the model puts out, each with the name of the output. */
type Shown = {
  /** As they stand, if only by the choice of an If. */
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

/** The output that puts a tensor out as a number; undefined if none does, or if it is a weight that an output shows. */
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

/** What each value is a parameter of, if it is one at all: of several uses a slot first. */
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

/** What the model computes with, and what it rounds together with the results of layers. */
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
