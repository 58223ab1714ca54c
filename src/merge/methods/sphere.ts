import type { Gram } from '../../tensor/gram.ts'
import { arcCosine, sine } from '../../tensor/trigonometry.ts'

/** A shorter vector has no direction. */
export const shortest = 1e-8

/**
 * Returns the coefficients of a point on the arc between the directions of two vectors: the first vector's for t = 0,
 * the second's for t = 1. The point is on the straight line between them if one has no direction, if anything is not
 * finite, or if `isStraight` returns true for the cosine of their angle.
 */
export function arcCoefficients(
  gram: Gram,
  t: number,
  isStraight: (cosine: number) => boolean,
): { cosine: number | null; coefficients: [number, number] } {
  const cosine = gram.isFinite ? gram.cosine(0, 1) : null
  if (cosine === null || gram.norm(0) < shortest || gram.norm(1) < shortest || isStraight(cosine))
    return { cosine, coefficients: [1 - t, t] }
  const theta = arcCosine(cosine)
  const whole = sine(theta)
  return { cosine, coefficients: [sine((1 - t) * theta) / whole, sine(t * theta) / whole] }
}

/** Returns the sum of a_i a_j m_ij, over i, and for each i over j. */
export function quadraticForm(a: readonly number[], m: (i: number, j: number) => number): number {
  let sum = 0
  for (const [i, x] of a.entries()) for (const [j, y] of a.entries()) sum += x * y * m(i, j)
  return sum
}

/** Returns a base's element plus a combination of two models' changes of it. */
export function changed(base: number, a: number, x: number, b: number, y: number): number {
  return base + (a * (x - base) + b * (y - base))
}
