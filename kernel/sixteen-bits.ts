// Decodes float16 and bfloat16, and encodes them from binary64. AssemblyScript.

import { demote, promoteHigh } from './lanes'

/**
 * Returns four codes, sign-extended to 32 bits, as float32. A float16 code shifted into a float32 means its value
 * divided by 2^112. Infinity and NaN come out wrong.
 */
@inline
export function decode(brain: bool, codes: v128): v128 {
  return brain ? i32x4.shl(codes, 16) : v128.and(i32x4.shl(codes, 13), i32x4.splat(0x8fffe000))
}

/** Returns the low halves of the 64-bit lanes of two vectors. */
@inline
function lowHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
}

/**
 * Rounds four binary64 numbers, in two vectors, to four float32, to odd: towards zero, with the last bit set if
 * anything was lost. Rounding the result to a type with at least two bits fewer equals rounding the binary64 value once
 * (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008).
 */
@inline
function demoteToOdd(low: v128, high: v128): v128 {
  const nearest = demote(low, high)
  const backLow = f64x2.promote_low_f32x4(nearest)
  const backHigh = promoteHigh(nearest)
  const inexact = lowHalves(f64x2.ne(backLow, low), f64x2.ne(backHigh, high))
  const larger = lowHalves(
    f64x2.gt(f64x2.abs(backLow), f64x2.abs(low)),
    f64x2.gt(f64x2.abs(backHigh), f64x2.abs(high)),
  )
  return v128.or(i32x4.add(nearest, larger), v128.and(inexact, i32x4.splat(1)))
}

/** Encodes four float32, rounded to odd, as float16. */
@inline
function encodeHalf(bits: v128): v128 {
  const magnitude = v128.and(bits, i32x4.splat(0x7fffffff))
  const sign = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(0x8000))
  const lastBit = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1))
  const rebiased = i32x4.add(i32x4.add(magnitude, i32x4.splat(((15 - 127) << 23) + 0xfff)), lastBit)
  const normal = i32x4.shr_u(rebiased, 13)
  // Adding 1/2 makes the processor round at the last bit of a subnormal float16.
  const half = i32x4.splat(126 << 23)
  const subnormal = i32x4.sub(f32x4.add(magnitude, half), half)
  const isSubnormal = i32x4.lt_s(magnitude, i32x4.splat(113 << 23))
  const isLarge = i32x4.gt_s(magnitude, i32x4.splat((143 << 23) - 1))
  const finite = v128.bitselect(subnormal, normal, isSubnormal)
  const code = v128.or(sign, v128.bitselect(i32x4.splat(0x7c00), finite, isLarge))
  return v128.bitselect(i32x4.splat(0x7e00), code, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)))
}

/** Encodes four float32, rounded to odd, as bfloat16. */
@inline
function encodeBrain(bits: v128): v128 {
  const magnitude = v128.and(bits, i32x4.splat(0x7fffffff))
  const sign = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(0x8000))
  const lastBit = v128.and(i32x4.shr_u(magnitude, 16), i32x4.splat(1))
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, i32x4.splat(0x7fff)), lastBit), 16)
  const isNaN = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000))
  return v128.bitselect(i32x4.splat(0x7fc0), v128.or(sign, rounded), isNaN)
}

/** Returns the upper 32 bits of the lanes of two vectors. */
@inline
function highHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
}

/** Returns the exponent bias of binary64 minus that of the type. */
@inline
function biasOf(brain: bool): i32 {
  return brain ? 1023 - 127 : 1023 - 15
}

/** Returns all ones for the upper halves of binary64 numbers that are not normal numbers of the type. */
@inline
function uncommon(brain: bool, words: v128): v128 {
  const aboveSmallest = i32x4.sub(
    v128.and(words, i32x4.splat(0x7fffffff)),
    i32x4.splat((biasOf(brain) + 1) << 20),
  )
  return i32x4.ge_u(aboveSmallest, i32x4.splat((brain ? 254 : 30) << 20))
}

/**
 * Encodes normal numbers, given both halves of their binary64 form. The upper halves, rounded to odd, are precise
 * enough.
 */
@inline
function encodeCommon(brain: bool, words: v128, rest: v128): v128 {
  const shift = brain ? 13 : 10
  const magnitude = v128.and(words, i32x4.splat(0x7fffffff))
  const odd = v128.or(magnitude, v128.andnot(i32x4.splat(1), i32x4.eq(rest, i32x4.splat(0))))
  const lastBit = v128.and(i32x4.shr_u(magnitude, shift), i32x4.splat(1))
  const rounding = i32x4.splat((1 << (shift - 1)) - 1 - (biasOf(brain) << 20))
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(odd, rounding), lastBit), shift)
  return v128.or(v128.and(i32x4.shr_u(words, 16), i32x4.splat(0x8000)), rounded)
}

@inline
function encodeAny(brain: bool, low: v128, high: v128): v128 {
  const bits = demoteToOdd(low, high)
  return brain ? encodeBrain(bits) : encodeHalf(bits)
}

/** Encodes eight binary64 numbers. */
@inline
export function encode(brain: bool, a: v128, b: v128, c: v128, d: v128): v128 {
  const lower = highHalves(a, b)
  const upper = highHalves(c, d)
  if (v128.any_true(v128.or(uncommon(brain, lower), uncommon(brain, upper))))
    return i16x8.narrow_i32x4_u(encodeAny(brain, a, b), encodeAny(brain, c, d))
  return i16x8.narrow_i32x4_u(
    encodeCommon(brain, lower, lowHalves(a, b)),
    encodeCommon(brain, upper, lowHalves(c, d)),
  )
}
