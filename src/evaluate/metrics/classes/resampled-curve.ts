/** The scores of one class, a row each: the row's target and its sample. */
export type CurveRows = { scores: Float64Array; targets: Int32Array; samples: Int32Array }

/**
 * The area under the ROC curve of one class, for one resample after the other: rows are ordered once, and a resample takes one
 * pass over them. The scores of the class's own rows are thresholds; each other row has a place, below the first of them, on it,
 * between it and the second, and so on. What is kept is the sample of each row, 4 bytes, by threshold or by place. The place of
 * most rows, which for a good classifier is the lowest, is left out: it is what the others leave of the whole.
 */
export class ResampledCurve {
  readonly #own: Groups
  readonly #others: Groups
  readonly #fullest: number
  readonly #notNumbers: Int32Array

  constructor({ scores, targets, samples }: CurveRows, positive: number) {
    const isOwn = (row: number) => targets[row] === positive
    const thresholds = distinct(scores.filter((score, row) => isOwn(row) && !Number.isNaN(score)))
    const groupOf = new Int32Array(scores.length)
    for (let row = 0; row < scores.length; row += 1) {
      const place = placeAmong(thresholds, scores[row] ?? 0)
      groupOf[row] = isOwn(row) ? place >> 1 : place
    }
    // Rows of NaN count as rows of their class, and then decide alone.
    const places = 2 * thresholds.length + 1
    const sizes = new Int32Array(places)
    for (let row = 0; row < scores.length; row += 1) if (!isOwn(row)) add(sizes, groupOf[row] ?? 0, 1)
    const fullest = sizes.reduce((best, size, place) => (size > (sizes[best] ?? 0) ? place : best), 0)
    this.#fullest = fullest
    this.#own = groups(samples, groupOf, isOwn, thresholds.length + 1)
    this.#others = groups(samples, groupOf, row => !isOwn(row) && groupOf[row] !== fullest, places)
    this.#notNumbers = samples.filter((_, row) => Number.isNaN(scores[row]))
  }

  /**
   * The area for a set in which sample i occurs `counts[i]` times, which makes `total` rows; ties count half. Undefined if the
   * class has no row or all rows, NaN if a score is NaN. Counts in halves, which is exact up to 2^52 pairs.
   */
  area(counts: Uint32Array, total: number): number | undefined {
    const own = sumsOfGroups(this.#own, counts)
    const others = sumsOfGroups(this.#others, counts)
    const ownTotal = sum(own)
    const otherTotal = total - ownTotal
    if (ownTotal === 0 || otherTotal === 0) return undefined
    if (this.#notNumbers.some(sample => (counts[sample] ?? 0) > 0)) return Number.NaN
    others[this.#fullest] = otherTotal - sum(others)
    let halves = 0
    let below = 0
    for (let threshold = 0; threshold < own.length - 1; threshold += 1) {
      below += others[2 * threshold] ?? 0
      const tied = others[2 * threshold + 1] ?? 0
      halves += (own[threshold] ?? 0) * (2 * below + tied)
      below += tied
    }
    return halves / 2 / (ownTotal * otherTotal)
  }
}

/** Samples in groups: those of group g are from `starts[g]` up to before `starts[g + 1]`. */
type Groups = { samples: Int32Array; starts: Int32Array }

function groups(samples: Int32Array, groupOf: Int32Array, isMember: (row: number) => boolean, count: number): Groups {
  const starts = new Int32Array(count + 1)
  for (let row = 0; row < samples.length; row += 1) if (isMember(row)) add(starts, (groupOf[row] ?? 0) + 1, 1)
  for (let group = 0; group < count; group += 1) add(starts, group + 1, starts[group] ?? 0)
  const next = starts.slice()
  const grouped = new Int32Array(starts[count] ?? 0)
  for (let row = 0; row < samples.length; row += 1) {
    if (!isMember(row)) continue
    const group = groupOf[row] ?? 0
    grouped[next[group] ?? 0] = samples[row] ?? 0
    add(next, group, 1)
  }
  return { samples: grouped, starts }
}

function sumsOfGroups({ samples, starts }: Groups, counts: Uint32Array): Float64Array {
  const sums = new Float64Array(starts.length - 1)
  for (let group = 0; group < sums.length; group += 1) {
    const end = starts[group + 1] ?? 0
    let sum = 0
    for (let i = starts[group] ?? 0; i < end; i += 1) sum += counts[samples[i] ?? 0] ?? 0
    sums[group] = sum
  }
  return sums
}

function add(numbers: Int32Array, index: number, number: number): void {
  numbers[index] = (numbers[index] ?? 0) + number
}

function sum(numbers: Float64Array): number {
  let sum = 0
  for (const number of numbers) sum += number
  return sum
}

/** Ascending, each once; 0 and -0 are one. */
function distinct(scores: Float64Array): Float64Array {
  const sorted = scores.sort()
  return sorted.filter((score, i) => score !== sorted[i - 1])
}

/** Below threshold i: 2i; on it: 2i + 1. Above all, and for NaN: twice their number. */
function placeAmong(thresholds: Float64Array, score: number): number {
  if (Number.isNaN(score)) return 2 * thresholds.length
  let low = 0
  let high = thresholds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((thresholds[middle] ?? 0) < score) low = middle + 1
    else high = middle
  }
  return 2 * low + (thresholds[low] === score ? 1 : 0)
}
