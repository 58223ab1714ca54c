import type { ByteSource } from '../onnx/byte-source.ts'
import { floatFormat } from '../tensor/float-format.ts'

/** The number of elements converted at a time. */
const convertedElements = 16 * 1024

/**
 * Returns a tensor's elements in another floating-point type. Each is rounded once, to nearest even; a NaN becomes the
 * type's canonical quiet NaN.
 * @param source elements of the type `from`, as in raw_data
 * @param to the new type; binary64 holds each element exactly
 */
export function retypedSource(source: ByteSource, from: string, to: string): ByteSource {
  const [own, other] = [floatFormat(from), floatFormat(to)]
  const elements = source.byteLength / own.bytes
  const block = Math.min(convertedElements, elements)
  const bytes = new Uint8Array(block * own.bytes)
  const values = new Float64Array(block)
  const converted = new Uint8Array(block * other.bytes)
  return {
    byteLength: elements * other.bytes,
    read(offset, target) {
      const end = offset + target.byteLength
      for (let first = Math.floor(offset / other.bytes); first * other.bytes < end; ) {
        const count = Math.min(block, Math.ceil(end / other.bytes) - first)
        const stored = bytes.subarray(0, count * own.bytes)
        source.read(first * own.bytes, stored)
        own.begin(values, stored, count, 1)
        other.round(values, count, converted)
        const start = first * other.bytes
        const [begin, until] = [Math.max(start, offset), Math.min(start + count * other.bytes, end)]
        target.set(converted.subarray(begin - start, until - start), begin - offset)
        first += count
      }
    },
  }
}
