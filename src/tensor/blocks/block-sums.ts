/** Means, variances and dot products of blocks. All arrays are owned, but for those of dotProducts. */
export type BlockSums = {
  /**
   * Sets `variances` to the population variance over the terms, element by element. It is exactly 0 if all terms are
   * equal and finite, although rounding may move their mean.
   */
  vary(terms: readonly Float64Array[], count: number): void
  /**
   * Sets `output` to the weighted mean of the terms, element by element. The weight of a term is its model's weight
   * times the element's factor, or times `least` if the factor is less.
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
   */
  approachMean(terms: readonly Float64Array[], base: Float64Array, t: number, count: number): void
  /**
   * Computes the dot products of two vectors with four others, each in the order of the elements. `sums`: eight
   * numbers, those of the first vector first.
   */
  dotProducts(a: readonly Float64Array[], b: readonly Float64Array[], count: number, sums: Float64Array): void
}
