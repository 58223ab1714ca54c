import type { ByteSource } from '../onnx/byte-source.ts'
import { blockEngine } from '../tensor/block-engine.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { sumBlock } from '../tensor/pair-sums.ts'
import { lastAxisRows, type RowLayout } from '../tensor/row-layout.ts'
import { inputAt } from './merge-input.ts'
import type { PlannedTensor } from './merge-plan.ts'

/** Bytes of all sources together that are read at a time. */
const readBytes = 1 << 20
/** Shared memory: a thread scans one tensor after the other. */
let room = new Uint8Array(0)

/**
 * Receives the elements of every source from `first` on, as binary64. The arrays are the sources' blocks of the
 * thread's engine. They may be overwritten, and are valid until the visitor returns.
 */
export type ElementVisitor = (values: readonly Float64Array[], first: number, count: number) => void

/**
 * One tensor in each of its sources: in every averaged model, in recipe order, then in the other inputs of the method.
 */
export type ElementReader = {
  /** The tensor's name in the model whose file is written. */
  name: string
  elements: number
  dims: readonly number[]
  /** The rows that the method ranks. */
  rows: RowLayout
  sources: number
  /** Reads elements from `first` on into arrays, one for each source, until the arrays are full. */
  read(first: number, into: readonly Float64Array[]): void
  /**
   * Visits all elements in order, in blocks of 4,096 counted from the tensor's start. Returns true if the tensor's bits
   * are the same in every source.
   */
  scan(visit: ElementVisitor): boolean
}

/** Returns a reader of one tensor. @param onRead called after each read; an error that it throws ends the scan */
export function elementReader(
  { name, dtype, dims, elements, rows }: Pick<PlannedTensor, 'name' | 'dtype' | 'dims' | 'elements' | 'rows'>,
  sources: readonly ByteSource[],
  onRead: () => void = () => undefined,
): ElementReader {
  const format = floatFormat(dtype)
  const { bytes: width } = format
  return {
    name,
    elements,
    dims,
    rows: rows?.layout ?? lastAxisRows(dims),
    sources: sources.length,
    read(first, into) {
      for (const [index, source] of sources.entries()) {
        const values = into[index]
        if (!values) continue
        const bytes = new Uint8Array(values.length * width)
        source.read(first * width, bytes)
        format.begin(values, bytes, values.length, 1)
      }
      onRead()
    },
    scan(visit) {
      const blocks = Math.max(1, Math.floor(readBytes / (sources.length * sumBlock * width)))
      const chunk = Math.min(blocks * sumBlock, elements)
      const share = chunk * width
      if (room.byteLength < sources.length * share) room = new Uint8Array(Math.max(readBytes, sources.length * share))
      const buffers = sources.map((_, index) => room.subarray(index * share, (index + 1) * share))
      const engine = blockEngine()
      let identical = true
      for (let first = 0; first < elements; first += chunk) {
        const count = Math.min(chunk, elements - first)
        for (const [index, source] of sources.entries()) {
          const bytes = buffers[index]?.subarray(0, count * width)
          if (bytes) source.read(first * width, bytes)
        }
        identical &&= buffers.every(bytes => equalStart(bytes, buffers[0], count * width))
        for (let from = 0; from < count; from += sumBlock) {
          const length = Math.min(sumBlock, count - from)
          const block = buffers.map((buffer, index) => {
            return engine.decode(format, buffer.subarray(from * width, (from + length) * width), index, length)
          })
          visit(block, first + from, length)
        }
        onRead()
      }
      return identical
    },
  }
}

/** Returns a reader of some of a reader's sources: those at these indices, in this order. */
export function chosenSources(reader: ElementReader, places: readonly number[]): ElementReader {
  if (places.length === reader.sources && places.every((place, index) => place === index)) return reader
  return {
    ...reader,
    sources: places.length,
    read(first, into) {
      const all: Float64Array[] = []
      for (const [index, place] of places.entries()) {
        const values = into[index]
        if (values) all[place] = values
      }
      reader.read(first, all)
    },
    scan: visit =>
      reader.scan((values, first, count) => {
        const chosen = places.map(place => inputAt(values, place))
        visit(chosen, first, count)
      }),
  }
}

function equalStart(a: Uint8Array, b: Uint8Array | undefined, length: number): boolean {
  return b !== undefined && (a === b || Buffer.compare(a.subarray(0, length), b.subarray(0, length)) === 0)
}
