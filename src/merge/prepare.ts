import { type ElementReader, elementReader } from './element-reader.ts'
import { elementsOf, type LabelledFiles } from './merge-input.ts'
import type { Preparation } from './methods/method.ts'
import { methodNamed, operationOf } from './methods/registry.ts'
import type { Facts, UnpreparedOperation } from './operation.ts'
import type { MergePlan, PlannedTensor } from './plan.ts'

/** A plan of which every range can be computed. `facts`: what the method found out on the way, by the tensor's place in the plan. */
export type PreparedPlan = { plan: MergePlan; facts: ReadonlyMap<number, Facts> }

type Pending = { place: number; operation: UnpreparedOperation; reader: ElementReader }

/**
 * Looks at the tensors whose method must know them as a whole: lengths and angles, thresholds. Streams, in memory that does not depend
 * on their size, and comes to the same whatever is read at a time.
 *
 * @param inputs all of the merge's inputs
 * @param onRead called as often as something has been read; what it throws ends it
 * @throws TureenError naming the model that cannot be read
 */
export function prepare(
  plan: MergePlan,
  inputs: readonly LabelledFiles[],
  onRead: () => void = () => undefined,
): PreparedPlan {
  const pending = plan.tensors.flatMap((tensor, place): Pending[] => {
    const { operation } = tensor
    if (operation.kind !== 'unprepared') return []
    return [{ place, operation, reader: tensorReader(plan, tensor, inputs, onRead) }]
  })
  const tensors = [...plan.tensors]
  const facts = new Map<number, Facts>()
  const settle = ({ place, operation }: Pending, prepared: Preparation | undefined) => {
    const tensor = tensors[place]
    if (!tensor || !prepared) throw new RangeError('a tensor was not prepared')
    tensors[place] = { ...tensor, operation: operationOf(prepared.step, operation.method, operation.settings) }
    facts.set(place, prepared.facts)
  }
  const tasks = pending.map(({ operation: { settings }, reader }) => ({ settings, reader }))
  const [first] = pending
  if (first && methodNamed(first.operation.method).preparesTogether(first.operation.settings)) {
    const prepared = methodNamed(first.operation.method).prepareTogether(tasks, plan.carried.elements)
    for (const [index, each] of pending.entries()) settle(each, prepared[index])
  } else {
    for (const each of pending) {
      const { operation, reader } = each
      settle(each, methodNamed(operation.method).prepare({ settings: operation.settings, reader }))
    }
  }
  return { plan: { ...plan, tensors }, facts }
}

/** A tensor of a plan in all of its sources. */
export function tensorReader(
  { inputs: places }: Pick<MergePlan, 'inputs'>,
  tensor: PlannedTensor,
  inputs: readonly LabelledFiles[],
  onRead?: () => void,
): ElementReader {
  const sources = tensor.sources.map((entry, index) => {
    const input = inputs[places[index] ?? -1]
    if (!input) throw new RangeError(`there is no input ${places[index]}`)
    return elementsOf(entry, input)
  })
  return elementReader(tensor, sources, onRead)
}
