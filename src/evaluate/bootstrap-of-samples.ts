import { type BootstrapOutcome, pairedBootstrap } from './bootstrap.ts'
import { resampledGains } from './gain-resamples.ts'

/**
 * Scores of two models, one for each sample in the same order, and the settings of {@link pairedBootstrap}. `gains`: asks for the gain of a over b in
 * each resample, minus that of a single model with the scores `single`; null for none. `isRelative`: as in {@link resampledGains}.
 */
export type SampleBootstrap = {
  a: readonly number[]
  b: readonly number[]
  seed: number
  replicates: number
  confidence: number
  gains: { single: readonly number[]; isRelative: boolean; seed: number } | null
}

/** `gains`: one for each resample, NaN where it is not defined; null if not asked for. */
export type SampleOutcome = BootstrapOutcome & { gains: Float64Array<ArrayBuffer> | null }

/** Returns the interval of the difference of two models, whose scores are the means of these. @throws RangeError for different numbers of samples */
export function bootstrapOfSamples({ a, b, gains, ...settings }: SampleBootstrap): SampleOutcome {
  const samples = a.length
  for (const { length } of [b, gains?.single ?? a])
    if (length !== samples) throw new RangeError(`there are scores of ${samples} and of ${length} samples`)
  const [ofA, ofB] = [meanOf(a), meanOf(b)]
  const { replicates } = settings
  return {
    ...pairedBootstrap({ ...settings, samples, a: ofA, b: ofB }),
    gains:
      gains && resampledGains({ ...gains, samples, winner: ofA, best: ofB, single: meanOf(gains.single), replicates }),
  }
}

/** Returns the mean of scores in which sample i occurs `counts[i]` times. */
function meanOf(scores: readonly number[]): (counts: Uint32Array) => number {
  const values = Float64Array.from(scores)
  return counts => {
    let sum = 0
    for (let index = 0; index < values.length; index += 1) sum += (counts[index] ?? 0) * (values[index] ?? 0)
    return sum / values.length
  }
}
