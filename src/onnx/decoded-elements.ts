import { dtypeOf } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { type ByteSource, chunksOf } from './byte-source.ts'
import type { TensorEntry } from './layout.ts'

/** Decodes the elements of a chunk into binary64. Integers beyond 2^53 are rounded. */
type Decode = (bytes: Uint8Array, values: Float64Array) => void

const integers: Readonly<Record<string, Decode>> = {
  bool: (bytes, values) => values.set(bytes),
  uint8: (bytes, values) => values.set(bytes),
  int8: (bytes, values) => values.set(new Int8Array(bytes.buffer, bytes.byteOffset, values.length)),
  uint16: (bytes, values) => values.set(new Uint16Array(bytes.buffer, bytes.byteOffset, values.length)),
  int16: (bytes, values) => values.set(new Int16Array(bytes.buffer, bytes.byteOffset, values.length)),
  uint32: (bytes, values) => values.set(new Uint32Array(bytes.buffer, bytes.byteOffset, values.length)),
  int32: (bytes, values) => values.set(new Int32Array(bytes.buffer, bytes.byteOffset, values.length)),
  uint64: (bytes, values) => {
    const wide = new BigUint64Array(bytes.buffer, bytes.byteOffset, values.length)
    for (let index = 0; index < values.length; index += 1) values[index] = Number(wide[index])
  },
  int64: (bytes, values) => {
    const wide = new BigInt64Array(bytes.buffer, bytes.byteOffset, values.length)
    for (let index = 0; index < values.length; index += 1) values[index] = Number(wide[index])
  },
}

/**
 * Returns a reader of a tensor's elements as binary64, in chunks of which each is valid until the next one.
 * @param source the elements, as `elementSource` returns them
 * @returns undefined for a type whose elements are no numbers of 8, 16, 32 or 64 bits
 */
export function decodedElements(tensor: TensorEntry, source: ByteSource): (() => Iterable<Float64Array>) | undefined {
  const dtype = dtypeOf(tensor.dataType)
  const decode = dtype?.float ? floatDecoder(dtype.name) : integers[dtype?.name ?? '']
  if (!dtype || !decode) return undefined
  const width = dtype.bits / 8
  return function* () {
    for (const { bytes } of chunksOf(source)) {
      const values = new Float64Array(bytes.byteLength / width)
      decode(bytes, values)
      yield values
    }
  }
}

function floatDecoder(name: string): Decode {
  const format = floatFormat(name)
  return (bytes, values) => format.begin(values, bytes, values.length, 1)
}
