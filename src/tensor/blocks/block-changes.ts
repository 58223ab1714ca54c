import type { Cut } from '../cut.ts'
import type { Numbers } from './block-arrays.ts'

/** A factor to multiply with, or divisors. */
export type Scale = { factor: number } | { divisors: Numbers }

/** How changes of a base are added up; see Contribution. `votes`: null without votes. */
export type ChangeSum = {
  weights: readonly number[]
  votes: readonly number[] | null
  lambda: number
  divisor: number | 'agreeing' | null
  zero: number
}

/**
 * Makes changes of a base, drops some of their elements, and adds them up. x, b, the base and the terms are owned;
 * other arrays may be any.
 */
export type BlockChanges = {
  /** Sets x to x - b. */
  subtract(x: Float64Array, b: Float64Array, count: number): void
  /** Sets x to |x - b|. */
  distance(x: Float64Array, b: Float64Array, count: number): void
  /**
   * Sets x to x - b for the elements that `selectBetween` would select, and sets `used` for them. Sets x to `dropped`
   * for all others. Returns the number of kept elements.
   */
  keepBetween(
    x: Float64Array,
    b: Float64Array,
    first: number,
    count: number,
    behind: Cut | null,
    upTo: Cut,
    dropped: number,
  ): number
  /**
   * Sets x to x - b, scaled, for elements whose number is below their probability, and sets `used` for them. Sets x to
   * `dropped` for all others. Returns the number of kept elements.
   */
  keepBelow(
    x: Float64Array,
    b: Float64Array,
    scale: Scale,
    numbers: Float64Array,
    probabilities: Numbers,
    count: number,
    dropped: number,
  ): number
  /** Sets the elements of x that are not `selected` to `dropped`, and sets `used` for the others. */
  drop(x: Float64Array, dropped: number, count: number): void
  /**
   * Sets `output` to the base plus the change from the terms, where `used` is set, and to the base elsewhere. With
   * votes, this function sets `used`. `conflicts`: the number of elements with votes of both signs. `copiesNaN`: true
   * if any NaN of the base was copied.
   */
  change(
    terms: readonly Float64Array[],
    base: Float64Array,
    sum: ChangeSum,
    count: number,
  ): { conflicts: number; copiesNaN: boolean }
}
