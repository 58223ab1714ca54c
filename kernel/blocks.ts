// Decodes, encodes and sums elements of blocks in binary64, two at a time, bit for bit as block-engine.ts does.
// AssemblyScript.
//
// Blocks begin at multiples of 16 and have room for whole vectors: `bytes` is a multiple of 16. A mask is all ones or
// all zeros in each lane of 64 bits. Elements after the last of `count` are not counted.

import { decodeHalf, demote, promoteHigh, sumOfLanes } from './lanes'

/** Decodes float32 to binary64. */
export function decodeFloat32(elements: usize, bytes: usize, output: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(output + at, f64x2.promote_low_f32x4(v128.load64_zero(elements + (at >> 1))))
}

/** Decodes float16 or bfloat16 (`brain`), four at a time. Two of the last four may lie after the last element. */
export function decodeSixteenBits(brain: bool, elements: usize, bytes: usize, output: usize): void {
  for (let at: usize = 0; at < bytes; at += 32) {
    const codes = v128.load16x4_u(elements + (at >> 2))
    const values = brain ? i32x4.shl(codes, 16) : decodeHalf(codes)
    v128.store(output + at, f64x2.promote_low_f32x4(values))
    v128.store(output + at, promoteHigh(values), 16)
  }
}

/** The number of elements that the last call of {@link finishFloat32} copied. */
let identical: i32 = 0

/** Returns the number of elements that the last call of {@link finishFloat32} copied. */
export function countedIdentical(): i32 {
  return identical
}

/**
 * Rounds values once, to nearest even; NaN becomes the canonical one. Copies an element whose bits are the same in the
 * first `compared` sources, stored `stride` bytes apart; 0 copies none. Returns the number of NaN and infinite elements
 * of the result.
 */
export function finishFloat32(values: usize, count: i32, stored: usize, stride: usize, compared: i32, output: usize): i32 {
  const exponent = i32x4.splat(0x7f800000)
  const end = i32x4.splat(count)
  const nothing = i32x4.splat(0)
  let places = i32x4(0, 1, 2, 3)
  let nonFinite = nothing
  let same = nothing
  const bytes = <usize>count << 2
  for (let at: usize = 0; at < bytes; at += 16) {
    let y = demote(v128.load(values + (at << 1)), v128.load(values + (at << 1), 16))
    y = v128.bitselect(y, i32x4.splat(0x7fc00000), f32x4.eq(y, y))
    const counted = i32x4.lt_s(places, end)
    if (compared > 0) {
      const first = v128.load(stored + at)
      let differing = nothing
      for (let source = 1; source < compared; source += 1)
        differing = v128.or(differing, v128.xor(first, v128.load(stored + <usize>source * stride + at)))
      const isSame = i32x4.eq(differing, nothing)
      y = v128.bitselect(first, y, isSame)
      same = i32x4.sub(same, v128.and(isSame, counted))
    }
    v128.store(output + at, y)
    nonFinite = i32x4.sub(nonFinite, v128.and(i32x4.eq(v128.and(y, exponent), exponent), counted))
    places = i32x4.add(places, i32x4.splat(4))
  }
  identical = sumOfLanes(same)
  return sumOfLanes(nonFinite)
}

/** Sets x to x - b. */
export function subtract(x: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(x + at, f64x2.sub(v128.load(x + at), v128.load(b + at)))
}

/** Sets x to |x - b|. */
export function distance(x: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(x + at, f64x2.abs(f64x2.sub(v128.load(x + at), v128.load(b + at))))
}

/**
 * Computes the population variance over the models, element by element. It is exactly 0 if all are equal, although
 * rounding may move their mean.
 */
export function variances(addresses: usize, models: i32, bytes: usize, output: usize): void {
  const number = f64x2.splat(<f64>models)
  for (let at: usize = 0; at < bytes; at += 16) {
    const first = v128.load(<usize>load<u32>(addresses) + at)
    let mean = first
    for (let model = 1; model < models; model += 1)
      mean = f64x2.add(mean, v128.load(<usize>load<u32>(addresses + (model << 2)) + at))
    mean = f64x2.div(mean, number)
    let sum = f64x2.splat(0)
    let equal = f64x2.eq(first, first)
    for (let model = 0; model < models; model += 1) {
      const element = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      const apart = f64x2.sub(element, mean)
      sum = f64x2.add(sum, f64x2.mul(apart, apart))
      equal = v128.and(equal, f64x2.eq(element, first))
    }
    // For equal infinities the sum is NaN, and the variance stays NaN.
    v128.store(output + at, v128.andnot(f64x2.div(sum, number), v128.and(equal, f64x2.eq(sum, sum))))
  }
}

@inline
function even(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

@inline
function odd(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
}

/**
 * Computes the dot products of two vectors with four others, each in the order of the elements: eight sums side by
 * side. An odd number of elements is padded with a zero.
 */
export function dotProducts(a0: usize, a1: usize, b0: usize, b1: usize, b2: usize, b3: usize, bytes: usize, output: usize): void {
  let s0 = f64x2.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let at: usize = 0; at < bytes; at += 16) {
    const v0 = v128.load(b0 + at)
    const v1 = v128.load(b1 + at)
    const v2 = v128.load(b2 + at)
    const v3 = v128.load(b3 + at)
    const now01 = even(v0, v1)
    const now23 = even(v2, v3)
    const next01 = odd(v0, v1)
    const next23 = odd(v2, v3)
    let x = v128.load64_splat(a0 + at)
    s0 = f64x2.add(s0, f64x2.mul(x, now01))
    s1 = f64x2.add(s1, f64x2.mul(x, now23))
    let y = v128.load64_splat(a1 + at)
    s2 = f64x2.add(s2, f64x2.mul(y, now01))
    s3 = f64x2.add(s3, f64x2.mul(y, now23))
    x = v128.load64_splat(a0 + at, 8)
    s0 = f64x2.add(s0, f64x2.mul(x, next01))
    s1 = f64x2.add(s1, f64x2.mul(x, next23))
    y = v128.load64_splat(a1 + at, 8)
    s2 = f64x2.add(s2, f64x2.mul(y, next01))
    s3 = f64x2.add(s3, f64x2.mul(y, next23))
  }
  v128.store(output, s0)
  v128.store(output, s1, 16)
  v128.store(output, s2, 32)
  v128.store(output, s3, 48)
}
