import { floatFormat } from '../tensor/float-format.ts'
import { type ElementReader, elementReader } from './element-reader.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './merge-plan.ts'
import { factsOfAll } from './method-report.ts'
import type { Preparation } from './methods/method.ts'
import { methodNamed, operationOf } from './methods/registry.ts'
import type { Facts, UnpreparedOperation } from './operation.ts'

/** A plan of which every range can be computed. `facts`: what the method found out on the way, by the tensor's place in the plan. */
export type PreparedPlan = { plan: MergePlan; facts: ReadonlyMap<number, Facts> }

/** A tensor that its method must know as a whole, by its place in the plan; `bytes` are those of one source. */
export type PendingTensor = { place: number; bytes: number; tensor: PlannedTensor; operation: UnpreparedOperation }

/** The tensors of a plan that are to be prepared, in the order of the file. */
export function pendingTensors({ tensors }: MergePlan): PendingTensor[] {
  return tensors.flatMap((tensor, place): PendingTensor[] => {
    const { operation, elements, dtype } = tensor
    if (operation.kind !== 'unprepared') return []
    return [{ place, bytes: elements * floatFormat(dtype).bytes, tensor, operation }]
  })
}

/** Whether tensors can only be prepared all together, not each by itself. */
export function preparesTogether([first]: readonly PendingTensor[]): boolean {
  return first !== undefined && methodNamed(first.operation.method).preparesTogether(first.operation.settings)
}

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
  const pending = pendingTensors(plan)
  const [first] = pending
  if (!first || !preparesTogether(pending))
    return settlePlan(plan, new Map(pending.map(each => [each.place, prepareTensor(plan, each, inputs, onRead)])))
  const tasks = pending.map(({ tensor, operation: { settings, from } }) => {
    return { settings, reader: tensorReader(plan, tensor, from, inputs, onRead) }
  })
  const prepared = methodNamed(first.operation.method).prepareTogether(tasks, plan.carried.elements)
  const byPlace = new Map<number, Preparation>()
  for (const [index, { place }] of pending.entries()) {
    const own = prepared[index]
    if (own) byPlace.set(place, own)
  }
  return settlePlan(plan, byPlace)
}

/** Prepares one tensor by itself; for the rest see {@link prepare}. */
export function prepareTensor(
  plan: MergePlan,
  { tensor, operation: { method, settings, from } }: PendingTensor,
  inputs: readonly LabelledFiles[],
  onRead: () => void,
): Preparation {
  return methodNamed(method).prepare({ settings, reader: tensorReader(plan, tensor, from, inputs, onRead) })
}

/**
 * Puts what tensors were prepared to into their plan, by their places.
 * @throws RangeError if one was not prepared
 */
export function settlePlan(plan: MergePlan, preparations: ReadonlyMap<number, Preparation>): PreparedPlan {
  const tensors = [...plan.tensors]
  const facts = new Map<number, Facts>()
  for (const { place, tensor, operation } of pendingTensors(plan)) {
    const prepared = preparations.get(place)
    if (!prepared) throw new RangeError(`the tensor ${tensor.name} was not prepared`)
    const { method, settings, from } = operation
    tensors[place] = { ...tensor, operation: operationOf(prepared.step, method, settings, from) }
    facts.set(place, factsOfAll(prepared.facts, settings.models, plan.models))
  }
  return { plan: { ...plan, tensors }, facts }
}

/** A tensor of a plan in some of its sources. */
function tensorReader(
  { inputs: places }: Pick<MergePlan, 'inputs'>,
  tensor: PlannedTensor,
  from: readonly number[],
  inputs: readonly LabelledFiles[],
  onRead: () => void,
): ElementReader {
  const sources = from.map(source =>
    elementsOf(inputAt(tensor.sources, source), inputAt(inputs, inputAt(places, source))),
  )
  return elementReader(tensor, sources, onRead)
}
