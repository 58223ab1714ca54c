import type { ByteSource } from '../onnx/byte-source.ts'
import { type FloatFormat, floatFormat } from '../tensor/float-format.ts'
import type { SumResult } from '../tensor/sum-engine.ts'
import { type Counts, elementComputer } from './element-computer.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './plan.ts'
import type { Chunk, PlanMemory } from './plan-memory.ts'

/** Gets bytes that are valid for the call only. */
export type Take = (bytes: Uint8Array) => void

/**
 * What has been computed: tensors, as indices into the plan's, NaN and infinite elements among them, and what methods have counted of
 * each.
 */
export type Computed = {
  tensors: ReadonlySet<number>
  nonFinite: number
  counts: ReadonlyMap<number, Readonly<Counts>>
}

export type TensorRenderer = {
  /**
   * Computes `length` bytes of a merged tensor from byte `from` on; non-finite elements count where their first byte is at or
   * behind `countFrom`.
   */
  render(tensor: number, from: number, length: number, take: Take, countFrom?: number): void
  computed(): Computed
}

/** Computes the tensors of a plan. `files`: the averaged inputs, in recipe order. */
export function tensorRenderer(plan: MergePlan, files: readonly LabelledFiles[], memory: PlanMemory): TensorRenderer {
  const computed = new Set<number>()
  let nonFinite = 0
  const counts = new Map<number, Counts>()
  let current: OpenTensor | undefined

  let own: Chunk | undefined

  const open = (index: number) => {
    if (current?.index === index) return current
    const tensor = plan.tensors[index]
    if (!tensor) throw new RangeError(`no tensor ${index}`)
    const { operation } = tensor
    const sources = tensor.sources.map((entry, place) => elementsOf(entry, inputAt(files, place)))
    const inputs = operation.kind === 'sum' ? operation.from.map(place => inputAt(sources, place)) : sources
    const compute = computing(tensor, sources, () => {
      const counted = counts.get(index) ?? {}
      counts.set(index, counted)
      return counted
    })
    current = { index, tensor, format: floatFormat(tensor.dtype), inputs, compute }
    return current
  }

  return {
    render(index, from, length, take, countFrom = from) {
      const { tensor, format, inputs, compute } = open(index)
      own ??= memory.chunkFor(plan, files.length)
      const chunk = own
      const { bytes, buffers } = chunk
      const width = format.bytes
      const end = from + length
      for (let element = Math.floor(from / width); element * width < end; ) {
        const count = Math.min(bytes / width, Math.ceil(end / width) - element, tensor.elements - element)
        inputs.forEach((input, model) => {
          const buffer = buffers.inputs[model]
          if (buffer) input.read(element * width, buffer.subarray(0, count * width))
        })
        const uncounted = Math.min(count, Math.max(0, Math.ceil(countFrom / width) - element))
        const result = compute(chunk, element, count, uncounted)
        if (result.computed) computed.add(index)
        const { output } = buffers
        nonFinite += result.nonFinite - (uncounted > 0 ? format.countNonFinite(output, uncounted) : 0)
        const first = Math.max(from, element * width)
        const last = Math.min(end, (element + count) * width)
        take(output.subarray(first - element * width, last - element * width))
        element += count
      }
    },
    computed: () => ({ tensors: computed, nonFinite, counts }),
  }
}

type OpenTensor = {
  index: number
  tensor: PlannedTensor
  format: FloatFormat
  inputs: readonly ByteSource[]
  compute(chunk: Chunk, first: number, count: number, uncounted: number): SumResult
}

/** How the elements of a tensor are computed once they stand in a chunk's buffers. @throws RangeError for what was not prepared */
function computing(tensor: PlannedTensor, sources: readonly ByteSource[], counts: () => Counts): OpenTensor['compute'] {
  const { dtype, name, operation } = tensor
  switch (operation.kind) {
    case 'sum':
      return ({ engine }, _first, count) => engine.sum(dtype, operation.sum, count)
    case 'elements': {
      const compute = elementComputer(tensor, operation, sources, counts())
      return ({ buffers }, first, count, uncounted) => compute(buffers, first, count, uncounted)
    }
    case 'unprepared':
      throw new RangeError(`the tensor ${name} was not prepared`)
  }
}
