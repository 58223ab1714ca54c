import type { BlockArrays } from './block-arrays.ts'
import type { BlockRanks, RankProbabilities } from './block-ranks.ts'

/** Returns the ranks in plain loops. */
export function plainRanks({ gathered, places }: BlockArrays): BlockRanks {
  return {
    gatherBetween(keys, count, low, high) {
      let found = 0
      let above = 0
      for (let j = 0; j < count; j += 1) {
        const key = keys[j] ?? 0
        if (!(key <= high)) above += 1
        else if (key >= low) {
          gathered[found] = key
          places[found++] = j
        }
      }
      return { gathered: found, above }
    },
    rankRows: plainRankRows,
  }
}

/** Ranks rows of any length in plain loops; see {@link BlockRanks.rankRows}. */
export function plainRankRows(
  x: Float64Array,
  b: Float64Array,
  from: number,
  rows: number,
  length: number,
  { largest, span }: RankProbabilities,
  into: Float64Array,
): void {
  const magnitudes = Float64Array.from({ length: rows * length }, (_, j) =>
    Math.abs((x[from + j] ?? 0) - (b[from + j] ?? 0)),
  )
  for (let start = 0; start < rows * length; start += length) {
    const order = Uint32Array.from({ length }, (_, j) => start + j)
    order.sort((one, other) => compareSizes(magnitudes[one] ?? 0, magnitudes[other] ?? 0) || one - other)
    for (const [place, j] of order.entries())
      into[from + j] = Math.max(0, Math.min(1, largest - (span * place) / (length - 1)))
  }
}

/** Compares magnitudes for a sort: the larger first, and NaN before all others. */
function compareSizes(one: number, other: number): number {
  if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(other)) - Number(Number.isNaN(one))
  return one < other ? 1 : one > other ? -1 : 0
}
