import { decodeTable, encoder, type SmallFloat, smallFloats } from './small-float.ts'

/**
 * Converts the elements of one floating-point type from and to binary64. Buffers hold little-endian elements and are
 * aligned to the element. The machine must be little-endian, as every platform of Node.js is.
 */
export type FloatFormat = {
  /** The name of the type, such as `float32`. */
  dtype: string
  bytes: 1 | 2 | 4 | 8
  /** accumulator[i] = weight * x[i] */
  begin(accumulator: Float64Array, elements: Uint8Array, count: number, weight: number): void
  /** accumulator[i] = accumulator[i] + weight * x[i] */
  add(accumulator: Float64Array, elements: Uint8Array, count: number, weight: number): void
  /** y[i] = accumulator[i], rounded once to the type, to nearest even. A NaN becomes the type's canonical quiet NaN. */
  round(accumulator: Float64Array, count: number, output: Uint8Array): void
  /** Returns the number of NaN and infinite elements. */
  countNonFinite(elements: Uint8Array, count: number): number
}

type Floats = Float32Array | Float64Array
type Codes = Uint8Array | Uint16Array

function wideFormat(
  dtype: string,
  bytes: 4 | 8,
  view: (elements: Uint8Array, count: number) => Floats,
  canonicalNaN: (output: Uint8Array, index: number) => void,
): FloatFormat {
  return {
    dtype,
    bytes,
    begin(accumulator, elements, count, weight) {
      const x = view(elements, count)
      for (let i = 0; i < count; i += 1) accumulator[i] = weight * (x[i] ?? 0)
    },
    add(accumulator, elements, count, weight) {
      const x = view(elements, count)
      for (let i = 0; i < count; i += 1) accumulator[i] = (accumulator[i] ?? 0) + weight * (x[i] ?? 0)
    },
    round(accumulator, count, output) {
      const y = view(output, count)
      for (let i = 0; i < count; i += 1) {
        const value = accumulator[i] ?? 0
        if (Number.isNaN(value)) canonicalNaN(output, i)
        else y[i] = value
      }
    },
    countNonFinite(elements, count) {
      const x = view(elements, count)
      let nonFinite = 0
      for (let i = 0; i < count; i += 1) if (!Number.isFinite(x[i])) nonFinite += 1
      return nonFinite
    },
  }
}

function smallFormat(dtype: string, type: SmallFloat, bytes: 1 | 2): FloatFormat {
  const values = decodeTable(type)
  const encode = encoder(type)
  const view = (elements: Uint8Array, count: number): Codes =>
    bytes === 1 ? elements.subarray(0, count) : new Uint16Array(elements.buffer, elements.byteOffset, count)
  return {
    dtype,
    bytes,
    begin(accumulator, elements, count, weight) {
      const x = view(elements, count)
      for (let i = 0; i < count; i += 1) accumulator[i] = weight * (values[x[i] ?? 0] ?? 0)
    },
    add(accumulator, elements, count, weight) {
      const x = view(elements, count)
      for (let i = 0; i < count; i += 1) accumulator[i] = (accumulator[i] ?? 0) + weight * (values[x[i] ?? 0] ?? 0)
    },
    round(accumulator, count, output) {
      const y = view(output, count)
      for (let i = 0; i < count; i += 1) y[i] = encode(accumulator[i] ?? 0)
    },
    countNonFinite(elements, count) {
      const x = view(elements, count)
      let nonFinite = 0
      for (let i = 0; i < count; i += 1) if (!Number.isFinite(values[x[i] ?? 0])) nonFinite += 1
      return nonFinite
    },
  }
}

const float32 = wideFormat(
  'float32',
  4,
  (elements, count) => new Float32Array(elements.buffer, elements.byteOffset, count),
  (output, index) => new DataView(output.buffer, output.byteOffset).setUint32(index * 4, 0x7fc00000, true),
)
const float64 = wideFormat(
  'float64',
  8,
  (elements, count) => new Float64Array(elements.buffer, elements.byteOffset, count),
  (output, index) => new DataView(output.buffer, output.byteOffset).setBigUint64(index * 8, 0x7ff8000000000000n, true),
)

/** Formats made so far. A format of a small type takes milliseconds to make. */
const formats = new Map<string, FloatFormat>([
  ['float32', float32],
  ['float64', float64],
])

/**
 * Returns the format of a floating-point element type, such as `float32`.
 *
 * @throws RangeError for a type that is not averaged
 */
export function floatFormat(dtype: string): FloatFormat {
  const known = formats.get(dtype)
  if (known) return known
  const type = Object.entries(smallFloats).find(([name]) => name === dtype)?.[1]
  if (!type) throw new RangeError(`${dtype} is not a type that is averaged`)
  const format = smallFormat(dtype, type, type.signBit > 0xff ? 2 : 1)
  formats.set(dtype, format)
  return format
}
