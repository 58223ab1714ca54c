/**
 * Logarithm and exponential, built from basic operations that IEEE 754 defines to the bit. Math.log and Math.exp may
 * differ between engines, and these results decide weights. The logarithm is within 1 unit in the last place, the
 * exponential within 2.
 */

const ln2High = 0.6931471803691238
const ln2Low = 1.9082149292705877e-10
const inverseLn2 = Math.LOG2E

const scratch = new DataView(new ArrayBuffer(8))

/** Returns 2^k for whole k from -1022 to 1023. */
function powerOfTwo(k: number): number {
  scratch.setUint32(0, (k + 1023) << 20)
  scratch.setUint32(4, 0)
  return scratch.getFloat64(0)
}

/** Returns ln x: NaN below 0, -Infinity at 0. */
export function naturalLogarithm(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN
  if (x === 0) return Number.NEGATIVE_INFINITY
  if (x === Number.POSITIVE_INFINITY) return x
  const subnormal = x < powerOfTwo(-1022)
  scratch.setFloat64(0, subnormal ? x * powerOfTwo(54) : x)
  let exponent = (scratch.getUint32(0) >>> 20) - 1023 - (subnormal ? 54 : 0)
  scratch.setUint32(0, (scratch.getUint32(0) & 0xfffff) | (1023 << 20))
  let mantissa = scratch.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent += 1
  }
  // ln m = 2 artanh(s) with s = (m - 1) / (m + 1), at most 0.1716. The terms after the first 12 of its series are below
  // 2^-60. The first term 2s is f - s f with f = m - 1, which is exact; the rounded s only corrects it (as in fdlibm's
  // e_log.c).
  const f = mantissa - 1
  const s = f / (mantissa + 1)
  const square = s * s
  let series = 0
  for (let term = 25; term >= 3; term -= 2) series = square * (series + 1 / term)
  return exponent * ln2High + (exponent * ln2Low - s * (f - 2 * series) + f)
}

/** Returns e^x. */
export function exponential(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 710) return Number.POSITIVE_INFINITY
  if (x < -746) return 0
  const k = Math.round(x * inverseLn2)
  const rest = x - k * ln2High - k * ln2Low
  // `rest` is at most 0.3466 in magnitude: the terms after the first 14 of the series are below 2^-60.
  let series = 1
  for (let term = 14; term >= 1; term -= 1) series = 1 + (series * rest) / term
  const half = Math.trunc(k / 2)
  return series * powerOfTwo(half) * powerOfTwo(k - half)
}
