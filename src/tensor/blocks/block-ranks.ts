/** Probabilities of elements by rank: `largest` for the first, then falling in equal steps by `span` in total. */
export type RankProbabilities = { largest: number; span: number }

/** Finds elements by their place in an order. Any arrays may be passed. */
export type BlockRanks = {
  /**
   * Writes the keys from `low` to `high` to `gathered`, and their places to `places`. Keys are non-negative or NaN.
   * `above`: the number of keys that are not at most `high`, including NaN.
   */
  gatherBetween(keys: Float64Array, count: number, low: number, high: number): { gathered: number; above: number }
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
}
