import { type Resampled, resampled } from './bootstrap.ts'

/** Scores of three models on one set of samples, each as a function of the draws. `best`: the model that gains are measured by. */
export type ResampledGains = {
  samples: number
  winner: Resampled
  single: Resampled
  best: Resampled
  /** True to divide by the absolute score of `best` in the same resample. */
  isRelative: boolean
  seed: number
  replicates: number
}

/**
 * Returns the difference of two gains in each resample: (winner - single) / |best|, or winner - single. It is the gain of the winner over `best` minus
 * that of `single`. NaN where a score is not defined, or where `best` is 0 and divides.
 */
export function resampledGains({
  winner,
  single,
  best,
  isRelative,
  ...draws
}: ResampledGains): Float64Array<ArrayBuffer> {
  return resampled(draws, counts => {
    const difference = winner(counts) - single(counts)
    const gain = isRelative ? difference / Math.abs(best(counts)) : difference
    return Number.isFinite(gain) ? gain : Number.NaN
  })
}
