// Decodes the elements of blocks to binary64, and rounds a result, bit for bit as src/tensor/float-format.ts does.
// AssemblyScript.
//
// Blocks begin at multiples of 16 and have room for whole vectors: `bytes` is a multiple of 16. Elements after the last
// of `count` are not counted.

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
