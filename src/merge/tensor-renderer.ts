import type { ByteSource } from '../onnx/byte-source.ts'
import { type FloatFormat, floatFormat } from '../tensor/float-format.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './plan.ts'
import type { PlanMemory } from './plan-memory.ts'

/** Gets bytes that are valid for the call only. */
export type Take = (bytes: Uint8Array) => void

/** What has been computed: tensors, as indices into the plan's, and NaN and infinite elements among them. */
export type Computed = { tensors: ReadonlySet<number>; nonFinite: number }

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
  let current: { index: number; tensor: PlannedTensor; format: FloatFormat; inputs: ByteSource[] } | undefined

  let own: ReturnType<PlanMemory['chunkFor']> | undefined

  const open = (index: number) => {
    if (current?.index === index) return current
    const tensor = plan.tensors[index]
    if (!tensor) throw new RangeError(`no tensor ${index}`)
    const inputs = tensor.sources.map((entry, model) => elementsOf(entry, inputAt(files, model)))
    current = { index, tensor, format: floatFormat(tensor.dtype), inputs }
    return current
  }

  return {
    render(index, from, length, take, countFrom = from) {
      const { tensor, format, inputs } = open(index)
      own ??= memory.chunkFor(plan, files.length)
      const { bytes, buffers, engine } = own
      const width = format.bytes
      const end = from + length
      for (let element = Math.floor(from / width); element * width < end; ) {
        const count = Math.min(bytes / width, Math.ceil(end / width) - element, tensor.elements - element)
        inputs.forEach((input, model) => {
          const buffer = buffers.inputs[model]
          if (buffer) input.read(element * width, buffer.subarray(0, count * width))
        })
        const result = engine.sum(tensor.dtype, tensor.sum, count)
        if (result.computed) computed.add(index)
        const { output } = buffers
        const uncounted = Math.min(count, Math.max(0, Math.ceil(countFrom / width) - element))
        nonFinite += result.nonFinite - (uncounted > 0 ? format.countNonFinite(output, uncounted) : 0)
        const first = Math.max(from, element * width)
        const last = Math.min(end, (element + count) * width)
        take(output.subarray(first - element * width, last - element * width))
        element += count
      }
    },
    computed: () => ({ tensors: computed, nonFinite }),
  }
}
