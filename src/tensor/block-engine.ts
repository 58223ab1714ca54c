import type { Cut } from './cut.ts'
import type { FloatFormat } from './float-format.ts'
import { kernelBlock } from './kernel-block.ts'

/** Elements that an array of an engine has room for: whole vectors, and a few random numbers more. */
export const blockRoom = kernelBlock + 16

/** Probabilities of elements by their places: `largest` of the first one, then less in equal steps, by `span` in all. */
export type RankProbabilities = { largest: number; span: number }

/** Where only one number is given for all elements it is that of each; or each element has its own, in the same order. */
export type Numbers = number | Float64Array

/** What numbers are multiplied with, or divided by. */
export type Scale = { factor: number } | { divisors: Numbers }

/** How changes of a base are added up; see Contribution. `votes`: null where there are none. */
export type ChangeSum = {
  weights: readonly number[]
  votes: readonly number[] | null
  lambda: number
  divisor: number | 'agreeing' | null
  zero: number
}

/**
 * What methods spend their time on, over blocks of at most 4,096 elements in binary64. Engines give the same bits; they differ in speed
 * alone. Kernels of a thread use one engine, and the arrays that it owns, one after the other; arrays that it does not own may be given
 * where nothing is said. Masks are -1 or 0, that of element j at 2j and at 2j + 1.
 */
export type BlockEngine = {
  /** Owned: the block of a source. */
  source(index: number): Float64Array
  /** Owned. */
  output: Float64Array
  selected: Int32Array
  used: Int32Array
  uniforms: Float64Array
  variances: Float64Array
  /** What {@link BlockEngine.gatherBetween} has written down: keys, and their places. */
  gathered: Float64Array
  places: Int32Array
  /** Elements of a source as binary64, in its block; as they are stored they must stay where they are until {@link BlockEngine.finish}. */
  decode(format: FloatFormat, elements: Uint8Array, index: number, count: number): Float64Array
  /**
   * Rounds `output` as {@link FloatFormat.round} does. Elements whose bits are the same in as many of the sources as are `compared`, from
   * the first on, as they were decoded last, are copied; 0: none is. @returns how many those are, and how many of all are NaN or infinite
   */
  finish(
    format: FloatFormat,
    compared: number,
    count: number,
    target: Uint8Array,
  ): { identical: number; nonFinite: number }
  /** Of owned arrays: x - b in the place of x. */
  subtract(x: Float64Array, b: Float64Array, count: number): void
  /** Of owned arrays: |x - b| in the place of x. */
  distance(x: Float64Array, b: Float64Array, count: number): void
  /**
   * Sets `selected` for those behind one cut of the order by magnitude, if there is one, up to another; the first key has index `first`.
   * @returns how many they are
   */
  selectBetween(keys: Float64Array, first: number, count: number, behind: Cut | null, upTo: Cut): number
  /**
   * Of owned arrays: x - b in the place of x where selectBetween would select it, elsewhere `dropped`; where it does, `used` is set.
   * @returns how many they are
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
  /** Sets `selected` where a number is below its probability. @returns how many they are */
  selectBelow(numbers: Float64Array, probabilities: Numbers, count: number): number
  /**
   * Of owned arrays: x - b, scaled, in the place of x where the number of the element is below its probability, elsewhere `dropped`; where
   * it is, `used` is set. @returns how many they are
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
  /** Of an owned array: what is not `selected` becomes `dropped`; where something is, `used` is set. */
  drop(x: Float64Array, dropped: number, count: number): void
  /**
   * From owned arrays: `output` is what the terms make of the base where `used` says so, elsewhere the base. With votes, `used` is set
   * here. `conflicts`: at how many elements some votes were positive and some negative; `copiesNaN`: whether any NaN of the base stays.
   */
  change(
    terms: readonly Float64Array[],
    base: Float64Array,
    sum: ChangeSum,
    count: number,
  ): { conflicts: number; copiesNaN: boolean }
  /**
   * From owned arrays: sets `variances` to the population variance over the terms, element by element. It is 0 where all terms are equal
   * and finite, although rounding may move their mean.
   */
  vary(terms: readonly Float64Array[], count: number): void
  /**
   * Writes keys from `low` to `high` to `gathered`, and their places to `places`. Keys are no less than 0, or NaN.
   * @returns how many they are, and how many are not up to `high`
   */
  gatherBetween(keys: Float64Array, count: number, low: number, high: number): { gathered: number; above: number }
  /**
   * From owned arrays: `output` is the sum of the terms by that of their factors, each of which is a weight times a factor of the
   * element, `least` if that is less.
   */
  weigh(
    terms: readonly Float64Array[],
    factors: readonly Float64Array[],
    weights: readonly number[],
    least: number,
    count: number,
  ): void
  /** From owned arrays: `output` stands at `t` between the base and the mean of the terms; at 1 it is that mean, whatever the base is. */
  approachMean(terms: readonly Float64Array[], base: Float64Array, t: number, count: number): void
  /** The dot products of two vectors with four others, each in the order of the elements: eight, those of the first vector first. */
  dotProducts(a: readonly Float64Array[], b: readonly Float64Array[], count: number, sums: Float64Array): void
  /**
   * For each element of `rows` rows of x - b, of one length above 1, from `from` on, the probability that its place in the order by magnitude
   * of its row gives it: largest first, equal ones lowest index first, NaN before all others. Written to the same places of `into`.
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
  /** Fills `uniforms` with multiples of 2^-53 from 0 up to before 1, from the counter `firstBlock` on: words 0 and 1, then 2 and 3. */
  fillUniforms(key: readonly [number, number], firstBlock: number, blocks: number): void
}
