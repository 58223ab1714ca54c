import { randomStream } from '../tensor/random.ts'

/**
 * Returns the score of a set in which sample i occurs `counts[i]` times; NaN if it is not defined. The caller changes `counts` afterwards.
 */
export type Resampled = (counts: Uint32Array) => number

export type PairedBootstrap = {
  /** Number of samples that both models were scored on. */
  samples: number
  a: Resampled
  b: Resampled
  /** A non-negative safe integer; equal seeds draw equal resamples. */
  seed: number
  /** Number of resamples to draw, below 2^32. */
  replicates?: number
  /** Confidence level of the interval, between 0 and 1. */
  confidence?: number
}

/**
 * `interval`: null if fewer than half of the resamples have a difference. `replicates`: number of resamples with a difference. `leftOut`:
 * number of those without one, because a score is not defined there or both are the same infinity.
 */
export type BootstrapOutcome = { interval: [low: number, high: number] | null; replicates: number; leftOut: number }

/**
 * Returns a percentile interval of the difference a - b of two models' scores on one set of samples. See Efron & Tibshirani 1993, "An
 * Introduction to the Bootstrap", chapter 13. Each resample has as many samples, drawn with replacement, and both scores use the same one.
 * Replicate r draws from stream r of the seed, so it does not depend on other replicates or on their number. The ends are the quantiles
 * (1 - confidence) / 2 and (1 + confidence) / 2, as `numpy.percentile` computes them by default: at (n - 1) q among the n sorted
 * differences, linearly interpolated.
 */
export function pairedBootstrap({
  samples,
  a,
  b,
  seed,
  replicates = 2000,
  confidence = 0.95,
}: PairedBootstrap): BootstrapOutcome {
  return percentileInterval(
    resampled({ samples, seed, replicates }, counts => a(counts) - b(counts)),
    confidence,
  )
}

/**
 * Returns a statistic of each resample, by the draws of {@link pairedBootstrap}.
 * @param statistic returns its value where sample i occurs `counts[i]` times; NaN if it is not defined
 * @returns one value for each replicate; NaN for all of them if there are no samples
 */
export function resampled(
  { samples, seed, replicates }: Required<Pick<PairedBootstrap, 'samples' | 'seed' | 'replicates'>>,
  statistic: Resampled,
): Float64Array<ArrayBuffer> {
  const counts = new Uint32Array(samples)
  const values = new Float64Array(replicates).fill(Number.NaN)
  for (let replicate = 0; samples > 0 && replicate < replicates; replicate += 1) {
    drawCounts(counts, seed, replicate)
    values[replicate] = statistic(counts)
  }
  return values
}

/** Returns the percentile interval of the values of resamples, as {@link pairedBootstrap} does for differences. NaN is left out. */
export function percentileInterval(values: Float64Array, confidence: number): BootstrapOutcome {
  const replicates = values.length
  const defined = values.filter(value => !Number.isNaN(value))
  const kept = defined.length
  const outcome = { replicates: kept, leftOut: replicates - kept }
  if (kept === 0 || 2 * kept < replicates) return { interval: null, ...outcome }
  const sorted = defined.sort()
  return { interval: [quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2)], ...outcome }
}

/** Draws `counts.length` samples with replacement, and counts the draws of each sample. */
function drawCounts(counts: Uint32Array, seed: number, replicate: number): void {
  const { below } = randomStream(seed, replicate)
  counts.fill(0)
  for (let draw = 0; draw < counts.length; draw += 1) {
    const sample = below(counts.length)
    counts[sample] = (counts[sample] ?? 0) + 1
  }
}

/** Returns a quantile by method 7 of Hyndman & Fan 1996 (doi:10.2307/2684934), the default of NumPy and R. */
function quantile(sorted: Float64Array, q: number): number {
  const position = (sorted.length - 1) * q
  const before = Math.floor(position)
  const low = sorted[before] ?? Number.NaN
  const high = sorted[before + 1] ?? low
  const share = position - before
  // On an end, and between equal ends, there is nothing to interpolate. Infinite ends would give NaN.
  if (share === 0 || low === high) return low
  // Interpolate from the nearer end, as NumPy does, so that rounding never exceeds an end.
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share)
}
