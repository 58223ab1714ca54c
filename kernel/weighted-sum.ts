// The weighted sum of src/tensor/weighted-sum.ts in SIMD, bit for bit: binary64 lanes, left to right from the first
// product, no fused multiply-add, rounded once. AssemblyScript; `npm run build:kernel` compiles it to kernel-binary.ts.
//
// All functions take:
// - an array of `models` u32 addresses of the inputs, and an array of their f64 weights, in the same order;
// - the bytes to compute, a multiple of 32 (callers pad with zeros);
// - a factor, and `scaling`: 0 leaves the sums unchanged, 1 divides them by the factor, 2 multiplies them with it;
// - `keepIdentical`: true to copy elements whose bits are the same in every input;
// - the address of the result.
//
// They return the number of NaN and infinite elements of the result.

import { decodeHalf, demote, promoteHigh, sumOfLanes } from './lanes'

const divided: i32 = 1
const multiplied: i32 = 2

@inline
function scale(sums: v128, how: i32, factors: v128): v128 {
  if (how == divided) return f64x2.div(sums, factors)
  return how == multiplied ? f64x2.mul(sums, factors) : sums
}

/** 1 if any element of the last call differed between the inputs. */
let different: i32 = 0

/** Returns 1 if any element of the last call differed between the inputs. */
export function anyDifferent(): i32 {
  return different
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

/** Sums float32 elements, eight at a time. */
export function sumFloat32(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  const factors = f64x2.splat(factor)
  const exponent = i32x4.splat(0x7f800000)
  let nonFinite = i32x4.splat(0)
  let differing = i32x4.splat(0)
  // Eight elements at a time, so that addresses and weights are loaded half as often.
  for (let at: usize = 0; at < bytes; at += 32) {
    const address = <usize>load<u32>(addresses) + at
    const first = v128.load(address)
    const second = v128.load(address, 16)
    let weight = v128.load64_splat(weights)
    let a = f64x2.mul(weight, f64x2.promote_low_f32x4(first))
    let b = f64x2.mul(weight, promoteHigh(first))
    let c = f64x2.mul(weight, f64x2.promote_low_f32x4(second))
    let d = f64x2.mul(weight, promoteHigh(second))
    let firstDiffers = i32x4.splat(0)
    let secondDiffers = i32x4.splat(0)
    for (let model = 1; model < models; model += 1) {
      const next = <usize>load<u32>(addresses + (model << 2)) + at
      const x = v128.load(next)
      const z = v128.load(next, 16)
      weight = v128.load64_splat(weights + (model << 3))
      a = f64x2.add(a, f64x2.mul(weight, f64x2.promote_low_f32x4(x)))
      b = f64x2.add(b, f64x2.mul(weight, promoteHigh(x)))
      c = f64x2.add(c, f64x2.mul(weight, f64x2.promote_low_f32x4(z)))
      d = f64x2.add(d, f64x2.mul(weight, promoteHigh(z)))
      firstDiffers = v128.or(firstDiffers, v128.xor(x, first))
      secondDiffers = v128.or(secondDiffers, v128.xor(z, second))
    }
    let y = demote(scale(a, scaling, factors), scale(b, scaling, factors))
    let v = demote(scale(c, scaling, factors), scale(d, scaling, factors))
    y = v128.bitselect(i32x4.splat(0x7fc00000), y, f32x4.ne(y, y))
    v = v128.bitselect(i32x4.splat(0x7fc00000), v, f32x4.ne(v, v))
    if (keepIdentical) {
      y = v128.bitselect(first, y, i32x4.eq(firstDiffers, i32x4.splat(0)))
      v = v128.bitselect(second, v, i32x4.eq(secondDiffers, i32x4.splat(0)))
      differing = v128.or(differing, v128.or(firstDiffers, secondDiffers))
    }
    v128.store(output + at, y)
    v128.store(output + at, v, 16)
    nonFinite = i32x4.sub(nonFinite, i32x4.eq(v128.and(y, exponent), exponent))
    nonFinite = i32x4.sub(nonFinite, i32x4.eq(v128.and(v, exponent), exponent))
  }
  different = keepIdentical ? <i32>v128.any_true(differing) : 1
  return sumOfLanes(nonFinite)
}

/** Sums float64 elements, two at a time. */
export function sumFloat64(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  const factors = f64x2.splat(factor)
  const exponent = i64x2.splat(0x7ff0000000000000)
  let nonFinite = i64x2.splat(0)
  let differing = i64x2.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const first = v128.load(<usize>load<u32>(addresses) + at)
    let sum = f64x2.mul(v128.load64_splat(weights), first)
    let difference = i64x2.splat(0)
    for (let model = 1; model < models; model += 1) {
      const x = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(weights + (model << 3)), x))
      difference = v128.or(difference, v128.xor(x, first))
    }
    let y = scale(sum, scaling, factors)
    y = v128.bitselect(i64x2.splat(0x7ff8000000000000), y, f64x2.ne(y, y))
    if (keepIdentical) {
      y = v128.bitselect(first, y, i64x2.eq(difference, i64x2.splat(0)))
      differing = v128.or(differing, difference)
    }
    v128.store(output + at, y)
    nonFinite = i64x2.sub(nonFinite, i64x2.eq(v128.and(y, exponent), exponent))
  }
  different = keepIdentical ? <i32>v128.any_true(differing) : 1
  return <i32>(i64x2.extract_lane(nonFinite, 0) + i64x2.extract_lane(nonFinite, 1))
}

/** 2^-112: callers multiply float16 weights by 2^112, and elements are multiplied by this as float32, which is exact. */
const halfShift: f32 = 1.925929944387236e-34

/**
 * Returns four codes, sign-extended to 32 bits, as float32. A float16 code shifted into a float32 means its value
 * divided by 2^112. Infinity and NaN come out wrong.
 */
@inline
function decode(brain: bool, codes: v128): v128 {
  return brain ? i32x4.shl(codes, 16) : v128.and(i32x4.shl(codes, 13), i32x4.splat(0x8fffe000))
}

/** Memory in which {@link sumSpecialHalves} leaves the sums of eight elements. */
const specialSums = memory.data(64, 16)

/** Sums eight float16 elements over all models, with any of them infinite or NaN. */
function sumSpecialHalves(addresses: usize, weights: usize, models: i32, at: usize): void {
  for (let half: usize = 0; half < 2; half += 1) {
    let low = f64x2.splat(0)
    let high = f64x2.splat(0)
    for (let model = 0; model < models; model += 1) {
      const codes = v128.load16x4_u(<usize>load<u32>(addresses + (model << 2)) + at + (half << 3))
      const x = f32x4.mul(decodeHalf(codes), f32x4.splat(halfShift))
      const weight = v128.load64_splat(weights + (model << 3))
      const lower = f64x2.mul(weight, f64x2.promote_low_f32x4(x))
      const upper = f64x2.mul(weight, promoteHigh(x))
      low = model == 0 ? lower : f64x2.add(low, lower)
      high = model == 0 ? upper : f64x2.add(high, upper)
    }
    v128.store(specialSums + (half << 5), low)
    v128.store(specialSums + (half << 5), high, 16)
  }
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
function encode(brain: bool, a: v128, b: v128, c: v128, d: v128): v128 {
  const lower = highHalves(a, b)
  const upper = highHalves(c, d)
  if (v128.any_true(v128.or(uncommon(brain, lower), uncommon(brain, upper))))
    return i16x8.narrow_i32x4_u(encodeAny(brain, a, b), encodeAny(brain, c, d))
  return i16x8.narrow_i32x4_u(
    encodeCommon(brain, lower, lowHalves(a, b)),
    encodeCommon(brain, upper, lowHalves(c, d)),
  )
}

/** Sums float16 or bfloat16 (`brain`), eight elements at a time. */
@inline
function sumSixteenBits(
  brain: bool,
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  const factors = f64x2.splat(factor)
  const exponent = i16x8.splat(brain ? 0x7f80 : 0x7c00)
  const magnitude = i16x8.splat(0x7fff)
  let nonFinite: i32 = 0
  let differing = i16x8.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const first = v128.load(<usize>load<u32>(addresses) + at)
    let weight = v128.load64_splat(weights)
    let x = decode(brain, i32x4.extend_low_i16x8_s(first))
    let a = f64x2.mul(weight, f64x2.promote_low_f32x4(x))
    let b = f64x2.mul(weight, promoteHigh(x))
    x = decode(brain, i32x4.extend_high_i16x8_s(first))
    let c = f64x2.mul(weight, f64x2.promote_low_f32x4(x))
    let d = f64x2.mul(weight, promoteHigh(x))
    let difference = i16x8.splat(0)
    let largest = v128.and(first, magnitude)
    for (let model = 1; model < models; model += 1) {
      const next = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      weight = v128.load64_splat(weights + (model << 3))
      x = decode(brain, i32x4.extend_low_i16x8_s(next))
      a = f64x2.add(a, f64x2.mul(weight, f64x2.promote_low_f32x4(x)))
      b = f64x2.add(b, f64x2.mul(weight, promoteHigh(x)))
      x = decode(brain, i32x4.extend_high_i16x8_s(next))
      c = f64x2.add(c, f64x2.mul(weight, f64x2.promote_low_f32x4(x)))
      d = f64x2.add(d, f64x2.mul(weight, promoteHigh(x)))
      difference = v128.or(difference, v128.xor(next, first))
      if (!brain) largest = i16x8.max_s(largest, v128.and(next, magnitude))
    }
    if (!brain && v128.any_true(i16x8.ge_s(largest, exponent))) {
      sumSpecialHalves(addresses, weights, models, at)
      a = v128.load(specialSums)
      b = v128.load(specialSums, 16)
      c = v128.load(specialSums, 32)
      d = v128.load(specialSums, 48)
    }
    a = scale(a, scaling, factors)
    b = scale(b, scaling, factors)
    c = scale(c, scaling, factors)
    d = scale(d, scaling, factors)
    let y = encode(brain, a, b, c, d)
    if (keepIdentical) {
      y = v128.bitselect(first, y, i16x8.eq(difference, i16x8.splat(0)))
      differing = v128.or(differing, difference)
    }
    v128.store(output + at, y)
    nonFinite += popcnt(i16x8.bitmask(i16x8.eq(v128.and(y, exponent), exponent)))
  }
  different = keepIdentical ? <i32>v128.any_true(differing) : 1
  return nonFinite
}

/** Sums float16 elements; weights come multiplied by 2^112. */
export function sumFloat16(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  return sumSixteenBits(false, addresses, weights, models, bytes, factor, scaling, keepIdentical, output)
}

/** Sums bfloat16 elements. */
export function sumBfloat16(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  return sumSixteenBits(true, addresses, weights, models, bytes, factor, scaling, keepIdentical, output)
}

/**
 * Sums a float8 type, one element at a time. `values`: the f64 value of each of the 256 codes. The other parameters
 * describe the type as small-float.ts does.
 */
export function sumFloat8(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
  values: usize,
  mantissaBits: i32,
  bias: i32,
  maxFinite: i32,
  overflow: i32,
  nan: i32,
  unsignedZero: bool,
): i32 {
  let nonFinite: i32 = 0
  let differs = false
  for (let at: usize = 0; at < bytes; at += 1) {
    const first = load<u8>(<usize>load<u32>(addresses) + at)
    let sum = load<f64>(weights) * load<f64>(values + (<usize>first << 3))
    let identical = true
    for (let model = 1; model < models; model += 1) {
      const code = load<u8>(<usize>load<u32>(addresses + (model << 2)) + at)
      sum += load<f64>(weights + (model << 3)) * load<f64>(values + (<usize>code << 3))
      identical = identical && code == first
    }
    let y: i32
    if (keepIdentical && identical) y = first
    else {
      if (!identical) differs = true
      if (scaling == divided) sum /= factor
      else if (scaling == multiplied) sum *= factor
      y = encodeFloat8(sum, mantissaBits, bias, maxFinite, overflow, nan, unsignedZero)
    }
    store<u8>(output + at, <u8>y)
    const value = load<f64>(values + (<usize>y << 3))
    if (value - value != 0) nonFinite += 1
  }
  different = !keepIdentical || differs ? 1 : 0
  return nonFinite
}

@inline
function encodeFloat8(
  value: f64,
  mantissaBits: i32,
  bias: i32,
  maxFinite: i32,
  overflow: i32,
  nan: i32,
  unsignedZero: bool,
): i32 {
  if (value != value) return nan
  const bits = reinterpret<i64>(value)
  const sign = bits < 0 ? 0x80 : 0
  const biased = <i32>((bits >> 52) & 0x7ff)
  if (biased == 0x7ff) return overflow == nan ? nan : sign | overflow
  const exponent = max(biased - 1023, 1 - bias)
  const units = abs(value) * reinterpret<f64>(<i64>(mantissaBits - exponent + 1023) << 52)
  // Rounds to an integer, to nearest even.
  const rounded = <i32>(units + 4503599627370496.0 - 4503599627370496.0)
  const implicit = 1 << mantissaBits
  const magnitude = rounded < implicit ? rounded : ((exponent + bias) << mantissaBits) + rounded - implicit
  if (magnitude > maxFinite) return overflow == nan ? nan : sign | overflow
  return magnitude == 0 && unsignedZero ? 0 : sign | magnitude
}
