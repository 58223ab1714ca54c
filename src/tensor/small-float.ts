/**
 * A floating-point type of 8 or 16 bits. ONNX defines its float8 types in https://onnx.ai/onnx/technical/float8.html;
 * bfloat16 and IEEE binary16 follow the same scheme, with infinities.
 */
export type SmallFloat = {
  mantissaBits: number
  bias: number
  /** Bits of the largest finite magnitude. */
  maxFinite: number
  /** Bits of the magnitude for values beyond the largest finite one. */
  overflow: number
  /** Bits of the canonical quiet NaN. */
  nan: number
  signBit: number
  /** True for the fnuz types: they have no negative zero, and 0x80 is their only NaN. */
  unsignedZero: boolean
}

export const smallFloats = {
  float16: {
    mantissaBits: 10,
    bias: 15,
    maxFinite: 0x7bff,
    overflow: 0x7c00,
    nan: 0x7e00,
    signBit: 0x8000,
    unsignedZero: false,
  },
  bfloat16: {
    mantissaBits: 7,
    bias: 127,
    maxFinite: 0x7f7f,
    overflow: 0x7f80,
    nan: 0x7fc0,
    signBit: 0x8000,
    unsignedZero: false,
  },
  float8e4m3fn: {
    mantissaBits: 3,
    bias: 7,
    maxFinite: 0x7e,
    overflow: 0x7f,
    nan: 0x7f,
    signBit: 0x80,
    unsignedZero: false,
  },
  float8e4m3fnuz: {
    mantissaBits: 3,
    bias: 8,
    maxFinite: 0x7f,
    overflow: 0x80,
    nan: 0x80,
    signBit: 0x80,
    unsignedZero: true,
  },
  float8e5m2: {
    mantissaBits: 2,
    bias: 15,
    maxFinite: 0x7b,
    overflow: 0x7c,
    nan: 0x7e,
    signBit: 0x80,
    unsignedZero: false,
  },
  float8e5m2fnuz: {
    mantissaBits: 2,
    bias: 16,
    maxFinite: 0x7f,
    overflow: 0x80,
    nan: 0x80,
    signBit: 0x80,
    unsignedZero: true,
  },
} as const satisfies Record<string, SmallFloat>

const decodeTables = new Map<SmallFloat, Float64Array>()

/**
 * Returns the value of each code of a type, indexed by code. Binary64 represents every 8- and 16-bit float exactly. All callers get
 * the same table, and must not change it. They ask for it when they need it, because 65,536 codes take milliseconds.
 */
export function decodeTable(type: SmallFloat): Float64Array {
  const table =
    decodeTables.get(type) ?? Float64Array.from({ length: type.signBit * 2 }, (_, code) => decode(type, code))
  decodeTables.set(type, table)
  return table
}

function decode(type: SmallFloat, code: number): number {
  const magnitude = code & (type.signBit - 1)
  const negative = code >= type.signBit
  if (type.unsignedZero && code === type.nan) return Number.NaN
  if (magnitude > type.maxFinite)
    return magnitude === type.overflow && type.overflow !== type.nan ? (negative ? -Infinity : Infinity) : Number.NaN
  const exponent = magnitude >> type.mantissaBits
  const fraction = magnitude & ((1 << type.mantissaBits) - 1)
  const value =
    exponent === 0
      ? fraction * 2 ** (1 - type.bias - type.mantissaBits)
      : (fraction + (1 << type.mantissaBits)) * 2 ** (exponent - type.bias - type.mantissaBits)
  return negative ? -value : value
}

const scratch = new Float64Array(1)
const scratchWords = new Uint32Array(scratch.buffer)
const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0
/**
 * Adding and subtracting 2^52 rounds a smaller non-negative number to an integer, to nearest even, by the rounding of
 * IEEE 754.
 */
const roundingConstant = 2 ** 52

const encoders = new Map<SmallFloat, (value: number) => number>()

/**
 * Returns a function that rounds a binary64 value to a code of the type: once, to nearest even, never through another
 * type.
 */
export function encoder(type: SmallFloat): (value: number) => number {
  const encode = encoders.get(type) ?? makeEncoder(type)
  encoders.set(type, encode)
  return encode
}

function makeEncoder(type: SmallFloat): (value: number) => number {
  const { mantissaBits, bias, maxFinite, overflow, nan, signBit, unsignedZero } = type
  const smallestExponent = 1 - bias
  const ulps = Float64Array.from(
    { length: 2048 },
    (_, biased) => 2 ** (mantissaBits - Math.max(biased - 1023, smallestExponent)),
  )
  const implicitBit = 1 << mantissaBits
  return value => {
    if (Number.isNaN(value)) return nan
    scratch[0] = value
    const high = scratchWords[highWord] ?? 0
    const sign = high >>> 31 ? signBit : 0
    const biased = (high >>> 20) & 0x7ff
    if (biased === 0x7ff) return overflow === nan ? nan : sign | overflow
    const units = Math.abs(value) * (ulps[biased] ?? 0)
    const rounded = units + roundingConstant - roundingConstant
    const exponent = Math.max(biased - 1023, smallestExponent)
    const magnitude = rounded < implicitBit ? rounded : ((exponent + bias) << mantissaBits) + rounded - implicitBit
    if (magnitude > maxFinite) return overflow === nan ? nan : sign | overflow
    return magnitude === 0 && unsignedZero ? 0 : sign | magnitude
  }
}
