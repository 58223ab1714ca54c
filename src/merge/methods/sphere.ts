import type { Gram } from '../../tensor/gram.ts'
import { arcCosine, sine } from '../../tensor/trigonometry.ts'

/** A vector that is shorter has no direction. */
export const shortest = 1e-8

/**
 * The coefficients of a point on the arc between the directions of two vectors: that of the first for t = 0, of the second for
 * t = 1. On the straight line between them where they have no directions, something is not finite, or `isStraight` says so of the
 * cosine of their angle.
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

/** The sum of a_i a_j m_ij over i and, within it, j. */
export function quadraticForm(a: readonly number[], m: (i: number, j: number) => number): number {
  let sum = 0
  for (const [i, x] of a.entries()) for (const [j, y] of a.entries()) sum += x * y * m(i, j)
  return sum
}

/** A base's element and a combination of what two models have changed of it. */
export function changed(base: number, a: number, x: number, b: number, y: number): number {
  return base + (a * (x - base) + b * (y - base))
}
