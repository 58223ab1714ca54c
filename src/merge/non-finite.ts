import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './merge-plan.ts'
import { methodNamed } from './methods/merge-method-registry.ts'
import type { PlanMemory } from './plan-memory.ts'
import { retypedSource } from './retyped-source.ts'

/** The number of NaN and infinite elements of one tensor. */
export type NonFiniteTensor = { tensor: string; elements: number }

/** The NaN and infinite elements that a merge found. */
export type NonFinite = {
  /** By model, in the order of the merge's inputs. Models without any are left out. */
  models: { model: string; tensors: NonFiniteTensor[] }[]
  /**
   * Tensors of the result that are not finite although every model is finite there, because values exceed the range of
   * their type.
   */
  overflows: NonFiniteTensor[]
  /** Elements of the result. */
  result: number
}

/** The tensors that are searched: `suspects` are those whose result is not finite or may hide such elements. */
export type SearchedTensors = 'suspects' | 'all'

/** True if a tensor must be searched although its result is finite: its method can drop a NaN. */
export function mayHide({ operation }: Pick<PlannedTensor, 'operation'>): boolean {
  return operation.kind !== 'sum' && methodNamed(operation.method).dropsElements
}

/**
 * Finds the NaN and infinite elements of the models in a merge. A sum is not finite wherever a model is not. So a
 * tensor is read again only if its result is not finite, or if the method may drop elements.
 *
 * @param inResult NaN and infinite elements of the result, by the tensor's index in the plan
 * @param inputs all of the merge's inputs
 * @param onRead called after each read; an error that it throws ends the search
 * @throws TureenError naming the model that cannot be read
 */
export function findNonFinite(
  plan: MergePlan,
  inResult: ReadonlyMap<number, number>,
  inputs: readonly LabelledFiles[],
  memory: PlanMemory,
  searched: SearchedTensors = 'suspects',
  onRead: () => void = () => undefined,
): NonFinite {
  const { engine, bytes: room, buffers } = memory.chunkFor(plan, 1)
  const [buffer] = buffers.inputs
  if (!buffer) throw new RangeError('no memory was reserved')
  const byInput = new Map<number, Map<string, NonFiniteTensor>>()
  const overflows: NonFiniteTensor[] = []

  const countIn = (tensor: TensorEntry, place: number, output: string) => {
    const dtype = dtypeName(tensor.dataType)
    const own = elementsOf(tensor, inputAt(inputs, place))
    const source = output === dtype ? own : retypedSource(own, dtype, output)
    const { bytes: width } = floatFormat(output)
    let found = 0
    for (let at = 0; at < source.byteLength; at += room) {
      const length = Math.min(room, source.byteLength - at)
      source.read(at, buffer.subarray(0, length))
      found += engine.sum(output, { weights: [1], divisor: null, keepIdentical: true }, length / width).nonFinite
      onRead()
    }
    return found
  }
  /** Returns true if the tensor is finite in a model. */
  const look = (tensor: TensorEntry, place: number) => {
    const elements = countIn(tensor, place, dtypeName(tensor.dataType))
    if (elements === 0) return true
    const tensors = byInput.get(place) ?? new Map<string, NonFiniteTensor>()
    byInput.set(place, tensors.set(tensor.path, { tensor: tensor.name || tensor.path, elements }))
    return false
  }

  let result = 0
  for (const [index, tensor] of plan.tensors.entries()) {
    const elements = inResult.get(index) ?? 0
    result += elements
    if (elements === 0 && searched === 'suspects' && !mayHide(tensor)) continue
    const { from } = tensor.operation
    const finite = from.map(source => look(inputAt(tensor.sources, source), inputAt(plan.inputs, source)))
    if (elements > 0 && finite.every(Boolean)) overflows.push({ tensor: tensor.name, elements })
  }
  for (const { tensor, output } of plan.kept) {
    const wasFinite = look(tensor, plan.base)
    const elements = countIn(tensor, plan.base, output)
    result += elements
    if (elements > 0 && wasFinite) overflows.push({ tensor: tensor.name || tensor.path, elements })
  }
  const models = [...byInput]
    .sort(([a], [b]) => a - b)
    .map(([place, tensors]) => ({ model: inputAt(inputs, place).label, tensors: [...tensors.values()] }))
  return { models, overflows, result }
}
