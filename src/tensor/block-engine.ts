import type { Cut } from './cut.ts'
import type { FloatFormat } from './float-format.ts'
import { kernelBlock } from './kernel-block.ts'

/** Elements per array of an engine: a block, whole vectors, and some spare random numbers. */
export const blockRoom = kernelBlock + 16

/** Probabilities of elements by rank: `largest` for the first, then falling in equal steps by `span` in total. */
export type RankProbabilities = { largest: number; span: number }

/** One number for all elements, or an array with one number for each element. */
export type Numbers = number | Float64Array

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
 * The inner loops of merge methods, over blocks of at most 4,096 elements in binary64. All engines give the same bits,
 * at different speeds.
 *
 * The kernels of a thread share one engine and its arrays, one kernel after the other. "Owned" arrays must be the
 * engine's; elsewhere, any array may be passed. A mask has two 32-bit words for each element, both -1 or both 0.
 */
export type BlockEngine = {
  /** Returns the owned block of a source. */
  source(index: number): Float64Array
  /** Owned arrays. */
  output: Float64Array
  selected: Int32Array
  used: Int32Array
  uniforms: Float64Array
  variances: Float64Array
  /** Keys and places that {@link BlockEngine.gatherBetween} has found. */
  gathered: Float64Array
  places: Int32Array
  /**
   * Decodes the elements of a source to binary64 into its block. The encoded bytes must stay unchanged until {@link
   * BlockEngine.finish}.
   */
  decode(format: FloatFormat, elements: Uint8Array, index: number, count: number): Float64Array
  /**
   * Rounds `output` as {@link FloatFormat.round} does. Copies an element whose bits are the same in the first
   * `compared` sources, as decoded last; 0 copies none. Returns the number of these elements, and the number of NaN and
   * infinite ones of all.
   */
  finish(
    format: FloatFormat,
    compared: number,
    count: number,
    target: Uint8Array,
  ): { identical: number; nonFinite: number }
  /** Sets x to x - b. Both are owned. */
  subtract(x: Float64Array, b: Float64Array, count: number): void
  /** Sets x to |x - b|. Both are owned. */
  distance(x: Float64Array, b: Float64Array, count: number): void
  /**
   * Selects (in `selected`) the elements after one cut of the order by magnitude, if given, up to another. The first
   * key has the index `first`. Returns the number of selected elements.
   */
  selectBetween(keys: Float64Array, first: number, count: number, behind: Cut | null, upTo: Cut): number
  /**
   * Sets x to x - b for the elements that selectBetween would select, and sets `used` for them. Sets x to `dropped` for
   * all others. Both arrays are owned. Returns the number of kept elements.
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
  /** Selects the elements whose number is below their probability. Returns how many were selected. */
  selectBelow(numbers: Float64Array, probabilities: Numbers, count: number): number
  /**
   * Sets x to x - b, scaled, for elements whose number is below their probability, and sets `used` for them. Sets x to
   * `dropped` for all others. Both arrays are owned. Returns the number of kept elements.
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
  /** Sets the elements of x that are not `selected` to `dropped`, and sets `used` for the others. x is owned. */
  drop(x: Float64Array, dropped: number, count: number): void
  /**
   * Sets `output` to the base plus the change from the terms, where `used` is set, and to the base elsewhere. All
   * arrays are owned. With votes, this function sets `used`. `conflicts`: the number of elements with votes of both
   * signs. `copiesNaN`: true if any NaN of the base was copied.
   */
  change(
    terms: readonly Float64Array[],
    base: Float64Array,
    sum: ChangeSum,
    count: number,
  ): { conflicts: number; copiesNaN: boolean }
  /**
   * Sets `variances` to the population variance over the terms, element by element. The arrays are owned. It is exactly
   * 0 if all terms are equal and finite, although rounding may move their mean.
   */
  vary(terms: readonly Float64Array[], count: number): void
  /**
   * Writes the keys from `low` to `high` to `gathered`, and their places to `places`. Keys are non-negative or NaN.
   * `above`: the number of keys that are not at most `high`, including NaN.
   */
  gatherBetween(keys: Float64Array, count: number, low: number, high: number): { gathered: number; above: number }
  /**
   * Sets `output` to the weighted mean of the terms, element by element. The weight of a term is its model's weight
   * times the element's factor, or times `least` if the factor is less. All arrays are owned.
   */
  weigh(
    terms: readonly Float64Array[],
    factors: readonly Float64Array[],
    weights: readonly number[],
    least: number,
    count: number,
  ): void
  /**
   * Sets `output` to the point at `t` between the base (0) and the mean of the terms (1). At 1 the base is not read.
   * All arrays are owned.
   */
  approachMean(terms: readonly Float64Array[], base: Float64Array, t: number, count: number): void
  /**
   * Computes the dot products of two vectors with four others, each in the order of the elements. `sums`: eight
   * numbers, those of the first vector first.
   */
  dotProducts(a: readonly Float64Array[], b: readonly Float64Array[], count: number, sums: Float64Array): void
  /**
   * Writes to `into`, for each element of `rows` rows of x - b, the probability of its rank by magnitude in its row.
   * Rows start at `from` and have one length above 1. The largest is first; equal ones follow by index; NaN comes
   * before all others. `into` has the same places as x.
   */
  rankRows(
    x: Float64Array,
    b: Float64Array,
    from: number,
    rows: number,
    length: number,
    probabilities: RankProbabilities,
    into: Float64Array,
  ): void
  /**
   * Fills `uniforms` with multiples of 2^-53 in [0, 1), from the counter `firstBlock` on. Each counter gives two
   * numbers: from the words 0 and 1, then from 2 and 3.
   */
  fillUniforms(key: readonly [number, number], firstBlock: number, blocks: number): void
}
