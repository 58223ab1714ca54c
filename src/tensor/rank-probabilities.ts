/** Rows up to this length are ranked by comparing all with all: rows of convolutions are as short as their kernels are wide. */
const shortRow = 16

/** Width of the leading bits by which longer rows are parted: sign, exponent and the first bits of the mantissa. */
const leadingBits = 16

/** Memory for rows of up to so many elements. */
export type RankScratch = { places: Uint32Array; order: Uint32Array; ends: Uint32Array; magnitudes: Float64Array }

export function rankScratch(length: number): RankScratch {
  return {
    places: new Uint32Array(length),
    order: new Uint32Array(length),
    ends: new Uint32Array(length > shortRow ? 1 << leadingBits : 0),
    magnitudes: new Float64Array(length),
  }
}

/**
 * For each element of a row the probability that its place in the order by magnitude gives it: `largest` for the largest, falling in
 * equal steps by `span` in all. Equal magnitudes stand lowest index first, NaN before all others.
 */
export function rankProbabilities(
  row: Float64Array,
  { largest, span }: { largest: number; span: number },
  probabilities: Float64Array,
  scratch: RankScratch,
): void {
  const { places, magnitudes } = scratch
  const length = row.length
  for (let j = 0; j < length; j += 1) {
    const magnitude = Math.abs(row[j] ?? 0)
    // Beyond infinity there is nothing else: ranked by their bits, all NaN stand before it, and are equal.
    magnitudes[j] = magnitude
  }
  if (length <= shortRow) compareAll(magnitudes, length, places)
  else partAndSort(scratch, length)
  for (let j = 0; j < length; j += 1)
    probabilities[j] = Math.max(0, Math.min(1, largest - (span * (places[j] ?? 0)) / (length - 1)))
}

function compareAll(magnitudes: Float64Array, length: number, places: Uint32Array): void {
  places.fill(0, 0, length)
  for (let j = 1; j < length; j += 1) {
    const own = magnitudes[j] ?? 0
    for (let i = 0; i < j; i += 1) {
      const behind = stands(own, magnitudes[i] ?? 0) ? i : j
      places[behind] = (places[behind] ?? 0) + 1
    }
  }
}

/** Whether a magnitude stands before an earlier one. */
function stands(later: number, earlier: number): boolean {
  return later > earlier || (Number.isNaN(later) && !Number.isNaN(earlier))
}
