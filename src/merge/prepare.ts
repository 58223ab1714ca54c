import { floatFormat } from '../tensor/float-format.ts'
import { type ElementReader, elementReader } from './element-reader.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './merge-plan.ts'
import { factsOfAll } from './method-report.ts'
import { methodNamed, operationOf } from './methods/merge-method-registry.ts'
import type { Preparation } from './methods/method.ts'
import type { Facts, UnpreparedOperation } from './operation.ts'

/**
 * A plan of which every range can be computed. `facts`: the method's findings from preparation, by the tensor's index
 * in the plan.
 */
export type PreparedPlan = { plan: MergePlan; facts: ReadonlyMap<number, Facts> }

/** A tensor that its method must read as a whole. `place`: its index in the plan. `bytes`: of one source. */
export type PendingTensor = { place: number; bytes: number; tensor: PlannedTensor; operation: UnpreparedOperation }

/** Returns the tensors of a plan that must be prepared, in the order of the file. */
export function pendingTensors({ tensors }: MergePlan): PendingTensor[] {
  return tensors.flatMap((tensor, place): PendingTensor[] => {
    const { operation, elements, dtype } = tensor
    if (operation.kind !== 'unprepared') return []
    return [{ place, bytes: elements * floatFormat(dtype).bytes, tensor, operation }]
  })
}

/** True if tensors must be prepared together, not one by one. */
export function preparesTogether([first]: readonly PendingTensor[]): boolean {
  return first !== undefined && methodNamed(first.operation.method).preparesTogether(first.operation.settings)
}

/**
 * Prepares the tensors whose method must read them as a whole: lengths and angles, thresholds. It streams, so memory
 * does not depend on their size. The result does not depend on how much is read at a time.
 *
 * @param inputs all of the merge's inputs
 * @param onRead called after each read; an error that it throws ends the preparation
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

/** Prepares one tensor by itself; see {@link prepare}. */
export function prepareTensor(
  plan: MergePlan,
  { tensor, operation: { method, settings, from } }: PendingTensor,
  inputs: readonly LabelledFiles[],
  onRead: () => void,
): Preparation {
  return methodNamed(method).prepare({ settings, reader: tensorReader(plan, tensor, from, inputs, onRead) })
}

/**
 * Puts preparations into their plan, by the tensors' indices.
 * @throws RangeError if a tensor was not prepared
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

/** Returns a reader of a plan's tensor in some of its sources. */
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
