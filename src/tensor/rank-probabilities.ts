/** Memory for rows of up to so many elements. */
export type RankScratch = { sorted: Float64Array; seen: Uint32Array }

export function rankScratch(length: number): RankScratch {
  return { sorted: new Float64Array(length), seen: new Uint32Array(length) }
}

/**
 * For each element of a row the probability that its place in the order by magnitude gives it: `largest` for the largest, falling in
 * equal steps by `span` in all. Equal magnitudes stand lowest index first, NaN before all others.
 */
export function rankProbabilities(
  row: Float64Array,
  { largest, span }: { largest: number; span: number },
  probabilities: Float64Array,
  { sorted, seen }: RankScratch,
): void {
  const length = row.length
  const ascending = sorted.subarray(0, length)
  for (let j = 0; j < length; j += 1) ascending[j] = Math.abs(row[j] ?? 0)
  // NaN is sorted to the end.
  ascending.sort()
  seen.fill(0, 0, length)
  for (let j = 0; j < length; j += 1) {
    const behind = countUpTo(ascending, Math.abs(row[j] ?? 0))
    const before = seen[behind - 1] ?? 0
    seen[behind - 1] = before + 1
    const place = length - behind + before
    probabilities[j] = Math.max(0, Math.min(1, largest - (span * place) / (length - 1)))
  }
}

/** How many of some ascending numbers, NaN last, are not greater than a number, or all for NaN. */
function countUpTo(ascending: Float64Array, number: number): number {
  let low = 0
  let high = ascending.length
  if (Number.isNaN(number)) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? 0) <= number) low = middle + 1
    else high = middle
  }
  return low
}
