// Parts that the weighted sums of all element types share. AssemblyScript.

export const divided: i32 = 1
export const multiplied: i32 = 2

/** Returns the sums, divided or multiplied by the factors, or unchanged. */
@inline
export function scale(sums: v128, how: i32, factors: v128): v128 {
  if (how == divided) return f64x2.div(sums, factors)
  return how == multiplied ? f64x2.mul(sums, factors) : sums
}

/** 1 if any element of the last call differed between the inputs. */
let different: i32 = 0

/** Returns 1 if any element of the last call differed between the inputs. */
export function anyDifferent(): i32 {
  return different
}

/** Keeps the result of {@link anyDifferent}. */
@inline
export function setDifferent(value: i32): void {
  different = value
}
