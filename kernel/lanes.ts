// Vector helpers that several kernels share. AssemblyScript.

/** Returns the places of a vector's two elements, given the place of the first. */
@inline
export function placesFrom(first: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(first), 1, first + 1)
}

/** Rounds four binary64 numbers, in two vectors, to four float32, to nearest even. */
@inline
export function demote(low: v128, high: v128): v128 {
  const a = f32x4.demote_f64x2_zero(low)
  const b = f32x4.demote_f64x2_zero(high)
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

/** Returns the sum of four 32-bit integers. */
@inline
export function sumOfLanes(counts: v128): i32 {
  return (
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3)
  )
}

/** Returns the upper two of four float32 as binary64. */
@inline
export function promoteHigh(x: v128): v128 {
  return f64x2.promote_low_f32x4(i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15))
}

/** Returns four float16 codes as float32, which is exact. */
@inline
export function decodeHalf(codes: v128): v128 {
  const magnitude = v128.and(codes, i32x4.splat(0x7fff))
  const sign = i32x4.shl(v128.and(codes, i32x4.splat(0x8000)), 16)
  // Subnormals are computed from whole numbers: subnormal float32 operands would cost a hundred cycles.
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(5.9604644775390625e-8))
  const normal = i32x4.add(i32x4.shl(magnitude, 13), i32x4.splat(112 << 23))
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400)))
  // Infinity and NaN have an exponent of all ones in both types.
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000))
  return v128.or(sign, v128.or(finite, special))
}
