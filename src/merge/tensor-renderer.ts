import type { ByteSource } from '../onnx/byte-source.ts'
import { type FloatFormat, floatFormat } from '../tensor/float-format.ts'
import type { SumResult } from '../tensor/sum-engine.ts'
import type { Counts, ElementComputing } from './element-computer.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import { computedDtype, type MergePlan, type PlannedTensor } from './merge-plan.ts'
import type { Chunk, PlanMemory } from './plan-memory.ts'
import { retypedSource } from './retyped-source.ts'

/** Receives bytes that are valid only during the call. */
export type Take = (bytes: Uint8Array) => void

/**
 * The computed tensors of a plan, by index. `nonFinite`: the numbers of NaN and infinite elements of the result, if
 * any. `counts`: the counts of methods.
 */
export type Computed = {
  tensors: ReadonlySet<number>
  nonFinite: ReadonlyMap<number, number>
  counts: ReadonlyMap<number, Readonly<Counts>>
}

export type TensorRenderer = {
  /**
   * Computes `length` bytes of a merged tensor from byte `from` on. Non-finite elements count only if their first byte
   * is at `countFrom` or later.
   */
  render(tensor: number, from: number, length: number, take: Take, countFrom?: number): void
  computed(): Computed
}

/**
 * Returns a renderer of the tensors of a plan. `files`: the averaged inputs, in recipe order. `computing`: null if all
 * tensors are weighted sums.
 */
export function tensorRenderer(
  plan: MergePlan,
  files: readonly LabelledFiles[],
  memory: PlanMemory,
  computing: ElementComputing | null,
): TensorRenderer {
  const computed = new Set<number>()
  const nonFinite = new Map<number, number>()
  const counts = new Map<number, Counts>()
  let current: OpenTensor | undefined

  let own: Chunk | undefined

  const open = (index: number) => {
    if (current?.index === index) return current
    const planned = plan.tensors[index]
    if (!planned) throw new RangeError(`no tensor ${index}`)
    const { operation, dtype, output } = planned
    const tensor = { ...planned, dtype: computedDtype(planned) }
    const inputs = operation.from.map(place => {
      const source = elementsOf(inputAt(tensor.sources, place), inputAt(files, place))
      return tensor.dtype === dtype ? source : retypedSource(source, dtype, tensor.dtype)
    })
    const compute = computeOf(computing, tensor, inputs, () => {
      const counted = counts.get(index) ?? {}
      counts.set(index, counted)
      return counted
    })
    const rounding = output === dtype ? null : { format: floatFormat(output), bytes: new Uint8Array(0) }
    current = { index, tensor, format: floatFormat(tensor.dtype), rounding, inputs, compute }
    return current
  }

  return {
    render(index, from, length, take, countFrom = from) {
      const { tensor, format, rounding, inputs, compute } = open(index)
      own ??= memory.chunkFor(plan, files.length)
      const chunk = own
      const { bytes, buffers } = chunk
      const result = rounding?.format ?? format
      const width = result.bytes
      const end = from + length
      for (let element = Math.floor(from / width); element * width < end; ) {
        const count = Math.min(bytes / format.bytes, Math.ceil(end / width) - element, tensor.elements - element)
        inputs.forEach((input, model) => {
          const buffer = buffers.inputs[model]
          if (buffer) input.read(element * format.bytes, buffer.subarray(0, count * format.bytes))
        })
        const uncounted = Math.min(count, Math.max(0, Math.ceil(countFrom / width) - element))
        const own = compute(chunk, element, count, uncounted)
        if (own.computed) computed.add(index)
        const output = rounding ? rounded(rounding, buffers.output, count) : buffers.output
        const all = rounding ? result.countNonFinite(output, count) : own.nonFinite
        const found = all - (uncounted > 0 ? result.countNonFinite(output, uncounted) : 0)
        if (found > 0) nonFinite.set(index, (nonFinite.get(index) ?? 0) + found)
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
  /** The new type of a retyped tensor, and memory for a chunk in it; null for other tensors. */
  rounding: Rounding | null
  inputs: readonly ByteSource[]
  compute(chunk: Chunk, first: number, count: number, uncounted: number): SumResult
}

type Rounding = { format: FloatFormat; bytes: Uint8Array }

/** Rounds elements computed in binary64 to the type of the result. */
function rounded(rounding: Rounding, computed: Uint8Array, count: number): Uint8Array {
  const { format } = rounding
  if (rounding.bytes.byteLength < count * format.bytes) rounding.bytes = new Uint8Array(count * format.bytes)
  format.round(new Float64Array(computed.buffer, computed.byteOffset, count), count, rounding.bytes)
  return rounding.bytes
}

/** Returns the sum of no models. In every type, 0 has zero bytes. */
function zeros(format: FloatFormat): OpenTensor['compute'] {
  return ({ buffers }, _first, count) => {
    buffers.output.fill(0, 0, count * format.bytes)
    return { computed: true, nonFinite: 0 }
  }
}

/**
 * Returns the function that computes a tensor's elements in a chunk's buffers.
 * @throws RangeError for a tensor that was not prepared
 */
function computeOf(
  computing: ElementComputing | null,
  tensor: PlannedTensor,
  sources: readonly ByteSource[],
  counts: () => Counts,
): OpenTensor['compute'] {
  const { dtype, name, operation } = tensor
  switch (operation.kind) {
    case 'sum':
      if (operation.from.length === 0) return zeros(floatFormat(dtype))
      return ({ engine }, _first, count) => engine.sum(dtype, operation.sum, count)
    case 'elements': {
      if (!computing) throw new RangeError(`the tensor ${name} is more than a weighted sum`)
      const compute = computing(tensor, operation, sources, counts())
      return ({ buffers }, first, count, uncounted) => compute(buffers, first, count, uncounted)
    }
    case 'unprepared':
      throw new RangeError(`the tensor ${name} was not prepared`)
  }
}
