import type { ByteSource } from '../onnx/byte-source.ts'
import { lastAtOrBefore } from '../onnx/elements.ts'
import { type FloatFormat, floatFormat } from '../tensor/float-format.ts'
import { simdEngine } from '../tensor/simd-engine.ts'
import { type SumBuffers, type SumEngine, type SumResult, typedArrayEngine } from '../tensor/sum-engine.ts'
import { type Counts, elementComputer } from './element-computer.ts'
import { elementsOf, type LabelledFiles } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './plan.ts'
import type { PlannedFile, SpreadPart } from './plan-parts.ts'

/** Memory for one chunk of every input, the accumulator and the output together, whatever the number of models. */
const chunkBudgetBytes = 8 << 20
const smallestChunkElements = 4096
const largestElementBytes = 8
/** A multiple of every element size that is also a whole number of memory pages for any type. */
const chunkQuantum = 4096

type Input = LabelledFiles

/** The files of a planned merge: its main file, and by location the data files beside it. */
export type PlanSource = ByteSource & {
  data: ReadonlyMap<string, ByteSource>
  /** What has been computed so far. Reading every byte of every file once, in ranges of any size, makes it complete. */
  report(): {
    averaged: number
    identical: number
    nonFinite: number
    /** What methods have counted, by the tensor's place in the plan. */
    counts: ReadonlyMap<number, Readonly<Counts>>
  }
}

/**
 * A prepared merge as the files that it will be: any range of them can be read, and is computed then.
 * `inputs` are all of the merge's inputs.
 */
export function planSource(plan: MergePlan, inputs: readonly Input[], memory = planMemory()): PlanSource {
  const base = at(inputs, plan.base)
  const renderer = tensorRenderer(
    plan,
    plan.inputs.map(index => at(inputs, index)),
    memory,
  )
  const dataOf = (location: string): ByteSource => {
    const file = base.data.get(location)
    if (!file) throw new RangeError(`the base has no data file ${location}`)
    return file
  }
  const data = new Map(
    [...plan.data].map(([location, file]) => [location, fileSource(file, dataOf(location), dataOf, renderer)]),
  )
  return { ...fileSource(plan.main, base.source, dataOf, renderer), data, report: renderer.report }
}

/** One file. `own`: the base's file of the same location. */
function fileSource(
  { parts, byteLength }: PlannedFile,
  own: ByteSource,
  dataOf: (location: string) => ByteSource,
  renderer: TensorRenderer,
): ByteSource {
  const starts: number[] = []
  let start = 0
  for (const { length } of parts) {
    starts.push(start)
    start += length
  }
  return {
    byteLength,
    read(offset, target) {
      if (offset < 0 || offset + target.byteLength > byteLength) throw new RangeError(`read beyond ${byteLength}`)
      let done = 0
      for (let index = lastAtOrBefore(starts, offset); done < target.byteLength; index += 1) {
        const part = parts[index]
        if (!part) throw new RangeError(`no part ${index}`)
        const skip = offset + done - (starts[index] ?? 0)
        const length = Math.min(part.length - skip, target.byteLength - done)
        const slice = target.subarray(done, done + length)
        if (length > 0) {
          if (part.kind === 'copy') own.read(part.from + skip, slice)
          else if (part.kind === 'bytes') slice.set(part.bytes.subarray(skip, skip + length))
          else if (part.kind === 'tensor') renderer.render(part.tensor, part.from + skip, slice)
          else if (part.kind === 'data') dataOf(part.location).read(part.from + skip, slice)
          else renderSpread(part, skip, slice, own, renderer)
        }
        done += length
      }
    },
  }
}

type Chunk = { elements: number; buffers: SumBuffers; engine: SumEngine }

/** Memory in which merges are computed, one after the other; whoever makes many keeps it for the next. */
export type PlanMemory = { chunkFor(plan: MergePlan, inputs: number): Chunk }

export function planMemory(engine: SumEngine = simdEngine() ?? typedArrayEngine()): PlanMemory {
  let chunk: Chunk = { elements: 0, buffers: engine.reserve(0, 0), engine }
  return {
    chunkFor(plan, inputs) {
      const largest = plan.tensors.reduce((most, tensor) => Math.max(most, tensor.elements), 1)
      const elements = Math.min(chunkElements(inputs), largest)
      if (chunk.elements < elements || chunk.buffers.inputs.length < inputs)
        chunk = { elements, buffers: engine.reserve(inputs, elements * largestElementBytes), engine }
      return chunk
    },
  }
}

type TensorRenderer = {
  /** Computes the bytes of a merged tensor from byte `from` on; non-finite elements count where their first byte is at or behind `countFrom`. */
  render(tensor: number, from: number, target: Uint8Array, countFrom?: number): void
  report: PlanSource['report']
}

function tensorRenderer(plan: MergePlan, files: readonly Input[], memory: PlanMemory): TensorRenderer {
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
    const sources = tensor.sources.map((entry, place) => elementsOf(entry, at(files, place)))
    const inputs = operation.kind === 'sum' ? operation.from.map(place => at(sources, place)) : sources
    const compute = computing(tensor, sources, () => {
      const counted = counts.get(index) ?? {}
      counts.set(index, counted)
      return counted
    })
    current = { index, tensor, format: floatFormat(tensor.dtype), inputs, compute }
    return current
  }

  return {
    render(index, from, target, countFrom = from) {
      const { tensor, format, inputs, compute } = open(index)
      own ??= memory.chunkFor(plan, files.length)
      const chunk = own
      const width = format.bytes
      const end = from + target.byteLength
      for (let element = Math.floor(from / width); element * width < end; ) {
        const count = Math.min(chunk.elements, Math.ceil(end / width) - element, tensor.elements - element)
        inputs.forEach((input, model) => {
          const buffer = chunk.buffers.inputs[model]
          if (buffer) input.read(element * width, buffer.subarray(0, count * width))
        })
        const uncounted = Math.min(count, Math.max(0, Math.ceil(countFrom / width) - element))
        const result = compute(chunk, element, count, uncounted)
        if (result.computed) computed.add(index)
        const { output } = chunk.buffers
        nonFinite += result.nonFinite - (uncounted > 0 ? format.countNonFinite(output, uncounted) : 0)
        const first = Math.max(from, element * width)
        const last = Math.min(end, (element + count) * width)
        target.set(output.subarray(first - element * width, last - element * width), first - from)
        element += count
      }
    },
    report: () => ({
      averaged: computed.size,
      identical: plan.tensors.length - computed.size + plan.carried.identical,
      nonFinite: nonFinite + plan.carried.nonFinite,
      counts,
    }),
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

/** How many unpacked values are computed at a time. */
const spreadValues = 16 * 1024

function renderSpread(
  part: SpreadPart,
  skip: number,
  target: Uint8Array,
  base: ByteSource,
  renderer: TensorRenderer,
): void {
  const { stride, width, offset } = part.run
  base.read(offset + skip, target)
  const end = skip + target.byteLength
  for (let first = Math.floor(skip / stride); first * stride < end; first += spreadValues) {
    const count = Math.min(spreadValues, Math.ceil(end / stride) - first)
    const values = new Uint8Array(count * width)
    const from = part.from + first * width
    // A value that the range begins in the middle of was counted with the range before.
    renderer.render(part.tensor, from, values, first * stride < skip ? from + width : from)
    for (let index = 0; index < count; index += 1) {
      const at = (first + index) * stride
      const start = Math.max(at, skip)
      const until = Math.min(at + width, end)
      const value = index * width - at
      if (until > start) target.set(values.subarray(value + start, value + until), start - skip)
    }
  }
}

function chunkElements(inputs: number): number {
  const perElement = (inputs + 1) * largestElementBytes
  return Math.max(smallestChunkElements, Math.floor(chunkBudgetBytes / perElement / chunkQuantum) * chunkQuantum)
}

function at<Item>(inputs: readonly Item[], index: number): Item {
  const input = inputs[index]
  if (!input) throw new RangeError(`there is no input ${index}`)
  return input
}
