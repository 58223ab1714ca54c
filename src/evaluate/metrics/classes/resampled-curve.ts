/** For each row: its score for one class, its target, and its sample. */
export type CurveRows = { scores: Float64Array; targets: Int32Array; samples: Int32Array }

/**
 * The area under the ROC curve of one class, for many resamples. It sorts the rows once; then each resample takes one pass over them. The
 * scores of the class's own rows are thresholds. Every other row has a place relative to them: below the first, on the first, between the
 * first and the second, and so on. It keeps the sample of each row, 4 bytes, grouped by threshold or place. It leaves out the place with
 * most rows, whose count follows from the total; for a good classifier this is the lowest place.
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
    // Rows with NaN count as rows of their class. If a resample contains one, its area is NaN.
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
   * Returns the area for a set in which sample i occurs `counts[i]` times; ties count half. Undefined if the class has no row or all rows,
   * NaN if a score is NaN. It counts in halves, which is exact up to 2^52 pairs.
   * @param total number of rows of the resample
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

/** Samples in groups: group g is the range from `starts[g]` to before `starts[g + 1]`. */
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

/** Returns the different scores in ascending order; 0 and -0 are equal. */
function distinct(scores: Float64Array): Float64Array {
  const sorted = scores.sort()
  return sorted.filter((score, i) => score !== sorted[i - 1])
}

/** Returns the place of a score: 2i directly below threshold i, 2i + 1 on it; twice the number of thresholds above all, and for NaN. */
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
