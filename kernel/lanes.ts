// What several kernels do with the lanes of vectors. AssemblyScript.

/** The places of a vector's elements, the first of which is given. */
@inline
export function placesFrom(first: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(first), 1, first + 1)
}

/** Two pairs of binary64 rounded to four float32, to nearest even. */
@inline
export function demote(low: v128, high: v128): v128 {
  const a = f32x4.demote_f64x2_zero(low)
  const b = f32x4.demote_f64x2_zero(high)
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

/** The sum of four numbers of 32 bits. */
@inline
export function sumOfLanes(counts: v128): i32 {
  return (
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3)
  )
}
