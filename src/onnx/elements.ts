import { TureenError } from '../errors.ts'
import { type DType, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import { type ByteSource, readBytes } from './byte-source.ts'
import { externalSource, type ModelFiles } from './external-data.ts'
import type { FixedRun, TensorEntry, VarintRun } from './layout.ts'
import { stridedSource } from './strided-source.ts'
import { readVarint64, wireCursor } from './wire.ts'

/**
 * Returns a tensor's elements as raw_data would hold them: little-endian and contiguous, for every form of storage.
 * Reads must be of whole elements. Strings are joined without separators; compare their lengths separately.
 *
 * Elements stored as varints are found by counting from the start. So reading them in order is cheap, and jumping back
 * is not.
 * @param data the files of external tensors, by location
 * @throws TureenError on reading. `TUREEN_MODEL_MALFORMED` if a tensor of varints has another number of values than its
 * dims say; `TUREEN_MODEL_INCOMPLETE` if a data file is missing.
 */
export function elementSource(
  tensor: TensorEntry,
  source: ByteSource,
  data: ModelFiles['data'] = new Map(),
): ByteSource {
  const { payload } = tensor
  const dtype = dtypeOf(tensor.dataType)
  switch (payload.form) {
    case 'raw':
      return rangeSource(source, payload.offset, payload.length)
    case 'fixed':
      return fixedSource(payload.runs, source)
    case 'varint':
      return varintSource(payload.runs, tensor, dtype, source)
    case 'strings':
      return concatenated(payload.values.map(({ start, end }) => rangeSource(source, start, end - start)))
    case 'external':
      return externalSource(tensor, payload, data)
    case 'strided':
      return stridedSource(payload, source)
    case 'zeros':
      return zeroSource(dtype ? rawBytes(dtype, tensor.elements) : 0)
    default:
      return rangeSource(source, 0, 0)
  }
}

/** Returns a source of zeros. */
function zeroSource(byteLength: number): ByteSource {
  return { byteLength, read: (_, target) => void target.fill(0) }
}

/** Returns the bytes [offset, offset + byteLength) of a source as a source. */
export function rangeSource(source: ByteSource, offset: number, byteLength: number): ByteSource {
  return {
    byteLength,
    read: (from, target) => source.read(offset + from, target),
  }
}

function fixedSource(runs: FixedRun[], source: ByteSource): ByteSource {
  return concatenated(
    runs.map(run =>
      run.stride === run.width ? rangeSource(source, run.offset, run.count * run.width) : unpackedSource(run, source),
    ),
  )
}

/** The number of unpacked values that are read at a time. */
const unpackedChunk = 16 * 1024

/** Returns values that each have a tag before them, without the tags. */
function unpackedSource({ offset: start, count, stride, width }: FixedRun, source: ByteSource): ByteSource {
  return {
    byteLength: count * width,
    read(offset, target) {
      const end = offset + target.byteLength
      for (let value = Math.floor(offset / width); value * width < end; value += unpackedChunk) {
        const values = Math.min(unpackedChunk, Math.ceil(end / width) - value)
        const bytes = readBytes(source, start + value * stride, (values - 1) * stride + width)
        for (let index = 0; index < values; index += 1) {
          const at = (value + index) * width
          const from = Math.max(at, offset)
          const until = Math.min(at + width, end)
          const inBytes = index * stride - at
          target.set(bytes.subarray(inBytes + from, inBytes + until), from - offset)
        }
      }
    },
  }
}

/** Returns several sources as one, each after the one before. */
export function concatenated(sources: readonly ByteSource[]): ByteSource {
  const [only] = sources
  if (only && sources.length === 1) return only
  const starts: number[] = []
  let byteLength = 0
  for (const source of sources) {
    starts.push(byteLength)
    byteLength += source.byteLength
  }
  return {
    byteLength,
    read(offset, target) {
      let done = 0
      for (let index = lastAtOrBefore(starts, offset); done < target.byteLength; index += 1) {
        const source = sources[index]
        if (!source) throw new RangeError(`read beyond ${byteLength}`)
        const from = offset + done - (starts[index] ?? 0)
        const length = Math.min(source.byteLength - from, target.byteLength - done)
        if (length > 0) source.read(from, target.subarray(done, done + length))
        done += Math.max(0, length)
      }
    },
  }
}

/** Returns the index of the last of `starts` (ascending) that is not greater than `value`. */
export function lastAtOrBefore(starts: readonly number[], value: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}

function varintSource(
  runs: VarintRun[],
  tensor: TensorEntry,
  dtype: DType | undefined,
  source: ByteSource,
): ByteSource {
  if (!dtype) return rangeSource(source, 0, 0)
  const width = Math.max(1, dtype.bits / 8)
  const byteLength = rawBytes(dtype, tensor.elements)
  const cursor = wireCursor(source)
  let run = 0
  let nextByteOffset = -1

  const wrongCount = (how: string) =>
    new TureenError(
      'TUREEN_MODEL_MALFORMED',
      `The tensor ${tensor.name || tensor.path} holds ${how} values than its dims [${tensor.dims.join(', ')}] say. Export or download the model again.`,
      [
        {
          tensor: tensor.name || tensor.path,
          expected: `${tensor.elements} values`,
          message: `holds ${how} values than its dims say`,
        },
      ],
    )

  const moveToValue = (): VarintRun | undefined => {
    let current = runs[run]
    while (current && cursor.offset >= current.end) {
      run += 1
      current = runs[run]
      if (current) cursor.offset = current.offset
    }
    return current
  }

  const next = (): { low: number; high: number } => {
    const current = moveToValue()
    if (!current) throw wrongCount('fewer')
    return readVarint64(cursor, current.end)
  }

  return {
    byteLength,
    read(offset, target) {
      if (nextByteOffset < 0 || offset < nextByteOffset) {
        run = 0
        cursor.offset = runs[0]?.offset ?? 0
        nextByteOffset = 0
      }
      for (; nextByteOffset < offset; nextByteOffset += width) next()
      const view = new DataView(target.buffer, target.byteOffset, target.byteLength)
      for (let at = 0; at < target.byteLength; at += width) {
        const { low, high } = next()
        if (width === 1) view.setUint8(at, low)
        else if (width === 2) view.setUint16(at, low, true)
        else view.setUint32(at, low, true)
        if (width === 8) view.setUint32(at + 4, high, true)
      }
      nextByteOffset = offset + target.byteLength
      if (nextByteOffset === byteLength && moveToValue()) throw wrongCount('more')
    },
  }
}
