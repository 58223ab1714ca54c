import { type ByteSource, readBytes } from '../onnx/byte-source.ts'
import { lastAtOrBefore } from '../onnx/elements.ts'
import { dtypeName } from '../tensor/dtype.ts'
import type { ElementComputing } from './element-computer.ts'
import { elementsOf, inputAt, type LabelledFiles } from './merge-input.ts'
import type { MergePlan } from './merge-plan.ts'
import type { PlanMemory } from './plan-memory.ts'
import type { ElementsPart, PlannedFile, PlanPart, RetypedPart, SpreadPart } from './plan-parts.ts'
import { retypedSource } from './retyped-source.ts'
import { type Computed, type Take, type TensorRenderer, tensorRenderer } from './tensor-renderer.ts'

/** The number of bytes that are copied at a time. */
const copiedBytes = 256 << 10

/** A planned file. Any range of it can be read, and is computed on reading. */
export type PlannedBytes = ByteSource & {
  /** Passes on the bytes of a range in order, in pieces of any size. A piece is valid only during the call. */
  stream(offset: number, length: number, take: Take): void
}

/** The files of a planned merge: its main file, and by location the data files beside it. */
export type PlanSource = PlannedBytes & {
  data: ReadonlyMap<string, PlannedBytes>
  /**
   * Returns what was computed so far. It is complete once every byte of every file was read once, in ranges of any
   * size.
   */
  computed(): Computed
}

/**
 * Returns a prepared merge as its future files. Any range of them can be read, and is computed on reading. `inputs`:
 * all of the merge's inputs. `computing`: computes tensors that are more than a weighted sum; null if there are none.
 */
export function plannedFiles(
  plan: MergePlan,
  inputs: readonly LabelledFiles[],
  memory: PlanMemory,
  computing: ElementComputing | null,
): PlanSource {
  const base = inputAt(inputs, plan.base)
  const renderer = tensorRenderer(
    plan,
    plan.inputs.map(index => inputAt(inputs, index)),
    memory,
    computing,
  )
  return renderedFiles(plan, base, renderer)
}

/** Returns planned files that copy from a base, and whose other elements a renderer makes. */
export function renderedFiles(
  plan: Pick<MergePlan, 'main' | 'data'>,
  base: LabelledFiles,
  renderer: TensorRenderer,
): PlanSource {
  const dataOf = (location: string): ByteSource => {
    const file = base.data.get(location)
    if (!file) throw new RangeError(`the base has no data file ${location}`)
    return file
  }
  const sources = { dataOf, retyped: retypedSources(base), elements: elementSources(base), renderer }
  const data = new Map(
    [...plan.data].map(([location, file]) => [location, plannedBytes(file, dataOf(location), sources)]),
  )
  return { ...plannedBytes(plan.main, base.source, sources), data, computed: renderer.computed }
}

/** The sources of file parts, apart from the base's file of the same location. */
type PartSources = {
  dataOf(location: string): ByteSource
  retyped(part: RetypedPart): ByteSource
  elements(part: ElementsPart): ByteSource
  renderer: TensorRenderer
}

/** Returns one planned file. `own`: the base's file of the same location. */
function plannedBytes(
  { parts, byteLength }: PlannedFile,
  own: ByteSource,
  { dataOf, retyped, elements, renderer }: PartSources,
): PlannedBytes {
  const starts: number[] = []
  let start = 0
  for (const { length } of parts) {
    starts.push(start)
    start += length
  }
  const streamPart = (part: PlanPart, skip: number, length: number, take: Take) => {
    if (part.kind === 'copy') streamSource(own, part.from + skip, length, take)
    else if (part.kind === 'bytes') take(part.bytes.subarray(skip, skip + length))
    else if (part.kind === 'tensor') renderer.render(part.tensor, part.from + skip, length, take)
    else if (part.kind === 'data') streamSource(dataOf(part.location), part.from + skip, length, take)
    else if (part.kind === 'retyped') streamSource(retyped(part), part.from + skip, length, take)
    else if (part.kind === 'elements') streamSource(elements(part), part.from + skip, length, take)
    else streamSpread(part, skip, length, own, renderer, take)
  }
  const stream = (offset: number, length: number, take: Take) => {
    if (offset < 0 || offset + length > byteLength) throw new RangeError(`read beyond ${byteLength}`)
    let done = 0
    for (let index = lastAtOrBefore(starts, offset); done < length; index += 1) {
      const part = parts[index]
      if (!part) throw new RangeError(`no part ${index}`)
      const skip = offset + done - (starts[index] ?? 0)
      const partial = Math.min(part.length - skip, length - done)
      if (partial > 0) streamPart(part, skip, partial, take)
      done += partial
    }
  }
  return {
    byteLength,
    stream,
    read(offset, target) {
      let done = 0
      stream(offset, target.byteLength, bytes => {
        target.set(bytes, done)
        done += bytes.byteLength
      })
    },
  }
}

/** Keeps the last source: ranges of one tensor are read one after the other. */
function retypedSources(base: LabelledFiles): PartSources['retyped'] {
  let last: { part: RetypedPart; source: ByteSource } | undefined
  return part => {
    if (last?.part === part) return last.source
    const { tensor, dtype } = part
    const source = retypedSource(elementsOf(tensor, base), dtypeName(tensor.dataType), dtype)
    last = { part, source }
    return source
  }
}

/** Keeps the last source, as {@link retypedSources} does. */
function elementSources(base: LabelledFiles): PartSources['elements'] {
  let last: { part: ElementsPart; source: ByteSource } | undefined
  return part => {
    if (last?.part === part) return last.source
    const source = elementsOf(part.tensor, base)
    last = { part, source }
    return source
  }
}

function streamSource(source: ByteSource, from: number, length: number, take: Take): void {
  const buffer = new Uint8Array(Math.min(copiedBytes, length))
  for (let done = 0; done < length; done += buffer.byteLength) {
    const bytes = buffer.subarray(0, Math.min(buffer.byteLength, length - done))
    source.read(from + done, bytes)
    take(bytes)
  }
}

/** The number of unpacked values computed at a time. */
const spreadValues = 16 * 1024

function streamSpread(
  part: SpreadPart,
  skip: number,
  length: number,
  base: ByteSource,
  renderer: TensorRenderer,
  take: Take,
): void {
  const { stride, width, offset } = part.run
  const end = skip + length
  for (let first = Math.floor(skip / stride); first * stride < end; first += spreadValues) {
    const count = Math.min(spreadValues, Math.ceil(end / stride) - first)
    const begin = Math.max(first * stride, skip)
    const bytes = readBytes(base, offset + begin, Math.min((first + count) * stride, end) - begin)
    const values = new Uint8Array(count * width)
    const from = part.from + first * width
    let rendered = 0
    const keep = (piece: Uint8Array) => {
      values.set(piece, rendered)
      rendered += piece.byteLength
    }
    // A value that starts before the range was counted with the range before.
    renderer.render(part.tensor, from, values.byteLength, keep, first * stride < skip ? from + width : from)
    for (let index = 0; index < count; index += 1) {
      const at = (first + index) * stride
      const start = Math.max(at, skip)
      const until = Math.min(at + width, end)
      const value = index * width - at
      if (until > start) bytes.set(values.subarray(value + start, value + until), start - begin)
    }
    take(bytes)
  }
}
