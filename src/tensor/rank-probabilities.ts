/** Rows up to this length are ranked by comparing all with all: rows of convolutions are as short as their kernels are wide. */
const shortRow = 16

/** Longer ones are sorted by so many bits at a time, the lowest first. */
const digitBits = 11
const digits = 1 << digitBits

/** Finds probabilities in rows of one length. */
export type RankProbabilities = (row: Float64Array, from: number, probabilities: Float64Array, at: number) => void

/**
 * For each element of a row, which begins at `from`, the probability that its place in the order by magnitude gives it, written from `at`
 * on: `largest` for the largest, falling in equal steps by `span` in all. Equal magnitudes stand lowest index first, NaN before all
 * others.
 */
export function rankProbabilities(
  length: number,
  { largest, span }: { largest: number; span: number },
): RankProbabilities {
  const table = Float64Array.from({ length }, (_, place) =>
    Math.max(0, Math.min(1, largest - (span * place) / (length - 1))),
  )
  const places = new Uint32Array(length)
  const rank = length <= shortRow ? compareAll : sortedRanks(length)
  return (row, from, probabilities, at) => {
    rank(row, from, places)
    for (let j = 0; j < length; j += 1) probabilities[at + j] = table[places[j] ?? 0] ?? 0
  }
}

type Rank = (row: Float64Array, from: number, places: Uint32Array) => void

const compareAll: Rank = (row, from, places) => {
  for (let j = 0; j < places.length; j += 1) {
    const later = Math.abs(row[from + j] ?? 0)
    let before = j
    for (let i = 0; i < j; i += 1) {
      const earlier = Math.abs(row[from + i] ?? 0)
      if (!(later > earlier || (Number.isNaN(later) && !Number.isNaN(earlier)))) continue
      before -= 1
      places[i] = (places[i] ?? 0) + 1
    }
    places[j] = before
  }
}

/** By a radix sort that leaves equal ones in their order. */
function sortedRanks(length: number): Rank {
  const magnitudes = new Float64Array(length)
  // The lower word of each first: the machine is little-endian.
  const words = new Uint32Array(magnitudes.buffer)
  const counts = new Uint32Array(digits)
  let order = new Uint32Array(length)
  let next = new Uint32Array(length)

  const sortBy = (word: 0 | 1, shift: number) => {
    counts.fill(0)
    for (let j = 0; j < length; j += 1) {
      const digit = ((words[2 * j + word] ?? 0) >>> shift) & (digits - 1)
      counts[digit] = (counts[digit] ?? 0) + 1
    }
    if (counts[((words[word] ?? 0) >>> shift) & (digits - 1)] === length) return
    let before = 0
    for (let digit = digits - 1; digit >= 0; digit -= 1) {
      const own = counts[digit] ?? 0
      counts[digit] = before
      before += own
    }
    for (let i = 0; i < length; i += 1) {
      const j = order[i] ?? 0
      const digit = ((words[2 * j + word] ?? 0) >>> shift) & (digits - 1)
      const place = counts[digit] ?? 0
      counts[digit] = place + 1
      next[place] = j
    }
    const sorted = next
    next = order
    order = sorted
  }

  return (row, from, places) => {
    for (let j = 0; j < length; j += 1) {
      const magnitude = Math.abs(row[from + j] ?? 0)
      // One NaN for all: its bits are more than those of infinity.
      magnitudes[j] = Number.isNaN(magnitude) ? Number.NaN : magnitude
      order[j] = j
    }
    for (const word of [0, 1] as const) for (let shift = 0; shift < 32; shift += digitBits) sortBy(word, shift)
    for (let place = 0; place < length; place += 1) places[order[place] ?? 0] = place
  }
}
