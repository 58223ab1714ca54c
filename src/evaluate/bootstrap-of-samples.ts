import { type BootstrapOutcome, pairedBootstrap } from './bootstrap.ts'

/** Scores of two models, one for each sample in the same order, and the settings of {@link pairedBootstrap}. */
export type SampleBootstrap = {
  a: readonly number[]
  b: readonly number[]
  seed: number
  replicates: number
  confidence: number
}

/** Returns the interval of the difference of two models, whose scores are the means of these. @throws RangeError for different numbers of samples */
export function bootstrapOfSamples({ a, b, ...settings }: SampleBootstrap): BootstrapOutcome {
  if (a.length !== b.length) throw new RangeError(`there are scores of ${a.length} and of ${b.length} samples`)
  return pairedBootstrap({ ...settings, samples: a.length, a: meanOf(a), b: meanOf(b) })
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
