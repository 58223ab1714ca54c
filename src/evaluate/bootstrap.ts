import { randomStream } from '../tensor/random.ts'

/** The metric of a set in which sample i occurs `counts[i]` times; NaN if there is none. The counts change after the call. */
type Resampled = (counts: Uint32Array) => number

export type PairedBootstrap = {
  /** How many samples both metrics are of. */
  samples: number
  a: Resampled
  b: Resampled
  /** A non-negative safe integer: the same one draws the same resamples. */
  seed: number
  /** How many resamples are drawn, below 2^32. */
  replicates?: number
  /** How much of the differences the interval covers, between 0 and 1. */
  confidence?: number
}

/**
 * `interval`: null if fewer than half of the resamples have a difference. `replicates`: how many have one. `leftOut`: those that
 * have none, since one of the metrics does not exist there or both are the same infinity.
 */
export type BootstrapOutcome = { interval: [low: number, high: number] | null; replicates: number; leftOut: number }

/**
 * A percentile interval of the difference a - b of a metric between two models over one set of samples (Efron & Tibshirani 1993,
 * "An Introduction to the Bootstrap", chapter 13): of resamples of as many samples, drawn with replacement, both metrics are
 * taken on the same ones. Replicate r draws from stream r of the seed alone: neither the others nor how many there are change
 * it. The ends are the quantiles (1 - confidence) / 2 and (1 + confidence) / 2 as `numpy.percentile` has them by default: at
 * (n - 1) q among the n sorted differences, linearly interpolated.
 */
export function pairedBootstrap({
  samples,
  a,
  b,
  seed,
  replicates = 2000,
  confidence = 0.95,
}: PairedBootstrap): BootstrapOutcome {
  const counts = new Uint32Array(samples)
  const differences: number[] = []
  for (let replicate = 0; samples > 0 && replicate < replicates; replicate += 1) {
    drawCounts(counts, seed, replicate)
    const difference = a(counts) - b(counts)
    if (!Number.isNaN(difference)) differences.push(difference)
  }
  const kept = differences.length
  const outcome = { replicates: kept, leftOut: replicates - kept }
  if (kept === 0 || 2 * kept < replicates) return { interval: null, ...outcome }
  const sorted = Float64Array.from(differences).sort()
  return { interval: [quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2)], ...outcome }
}

/** Draws as many samples as there are counts, with replacement, and counts how often each was drawn. */
function drawCounts(counts: Uint32Array, seed: number, replicate: number): void {
  const { below } = randomStream(seed, replicate)
  counts.fill(0)
  for (let draw = 0; draw < counts.length; draw += 1) {
    const sample = below(counts.length)
    counts[sample] = (counts[sample] ?? 0) + 1
  }
}

/** Method 7 of Hyndman & Fan 1996 (doi:10.2307/2684934), which is NumPy's and R's default. */
function quantile(sorted: Float64Array, q: number): number {
  const position = (sorted.length - 1) * q
  const before = Math.floor(position)
  const low = sorted[before] ?? Number.NaN
  const high = sorted[before + 1] ?? low
  const share = position - before
  // Between equal ends, which may be infinite, and on an end there is nothing to interpolate.
  if (share === 0 || low === high) return low
  // From the nearer end, as NumPy does: the rounding then never goes beyond an end.
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share)
}
