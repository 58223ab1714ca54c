/** Number of bins of a histogram. */
export const summaryBins = 64

/**
 * Facts about the elements of one tensor. Those of finite elements are null if there is none, or if they are beyond binary64.
 * - `standardDeviation`: of the population, so divided by the number of finite elements.
 * - `norm`: the square root of the sum of squares.
 * - `bins`: finite elements in each of {@link summaryBins} ranges of equal width between `min` and `max`. The last range includes `max`. If all
 *   elements are equal, the first has all.
 */
export type ElementSummary = {
  elements: number
  nonFinite: number
  min: number | null
  max: number | null
  mean: number | null
  standardDeviation: number | null
  norm: number | null
  bins: number[]
}

/**
 * Summarizes elements in two passes, so that memory does not depend on their number.
 * @param read yields all elements as binary64, the same at each call; a chunk is valid until the next one
 */
export function summarizeElements(read: () => Iterable<Float64Array>): ElementSummary {
  let elements = 0
  let nonFinite = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const chunk of read()) {
    elements += chunk.length
    for (const value of chunk) {
      if (!Number.isFinite(value)) {
        nonFinite += 1
        continue
      }
      if (value < min) min = value
      if (value > max) max = value
    }
  }
  const counted = { elements, nonFinite, bins: new Array<number>(summaryBins).fill(0) }
  if (elements === nonFinite)
    return { ...counted, min: null, max: null, mean: null, standardDeviation: null, norm: null }
  const { bins, ...moments } = secondPass(read, min, max)
  return { ...counted, min, max, ...moments, bins }
}

type Moments = Pick<ElementSummary, 'mean' | 'standardDeviation' | 'norm' | 'bins'>

function secondPass(read: () => Iterable<Float64Array>, min: number, max: number): Moments {
  // Elements are scaled by their largest magnitude, so that squares neither overflow nor vanish.
  const scale = Math.max(Math.abs(min), Math.abs(max)) || 1
  const binOf = binning(min, max)
  const bins = new Array<number>(summaryBins).fill(0)
  let count = 0
  let mean = 0
  let deviations = 0
  let squares = 0
  for (const chunk of read()) {
    let own = 0
    let sum = 0
    for (const value of chunk) {
      if (!Number.isFinite(value)) continue
      const scaled = value / scale
      const bin = binOf(value)
      bins[bin] = (bins[bin] ?? 0) + 1
      own += 1
      sum += scaled
      squares += scaled * scaled
    }
    if (own === 0) continue
    const ownMean = sum / own
    let ownDeviations = 0
    for (const value of chunk) if (Number.isFinite(value)) ownDeviations += (value / scale - ownMean) ** 2
    // Chan, Golub and LeVeque 1983: means and sums of squared deviations of two sets make those of both.
    const shift = ownMean - mean
    const total = count + own
    deviations += ownDeviations + (shift * shift * count * own) / total
    mean += (shift * own) / total
    count = total
  }
  return {
    mean: mean * scale,
    standardDeviation: Math.sqrt(deviations / count) * scale,
    norm: finiteOrNull(Math.sqrt(squares) * scale),
    bins,
  }
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/**
 * Returns a function that finds the bin of a value, with the edges of NumPy's `histogram`: `min` plus a multiple of the width. A value on an edge
 * belongs to the bin above.
 */
function binning(min: number, max: number): (value: number) => number {
  if (min === max) return () => 0
  // The width of the largest ranges is beyond binary64, and that of their halves is not.
  const half = Number.isFinite(max - min) ? 1 : 0.5
  const low = min * half
  const width = max * half - low
  const step = width / summaryBins
  return value => {
    const place = value * half
    const bin = Math.min(summaryBins - 1, Math.floor(((place - low) / width) * summaryBins))
    // The division is rounded, so the value may lie beyond an edge.
    if (place < low + bin * step) return bin - 1
    return bin < summaryBins - 1 && place >= low + (bin + 1) * step ? bin + 1 : bin
  }
}
