import type { Batch, ResamplingAccumulator } from '../metric.ts'
import { noSample, noValue } from '../no-value.ts'
import { MeanTally } from './mean-tally.ts'

/** The mean of the terms that `add` makes of the samples of a batch, each of which it ends. */
export function accumulateMean(keep: boolean, add: (batch: Batch, tally: MeanTally) => void): ResamplingAccumulator {
  const tally = new MeanTally(keep)
  return {
    add: batch => add(batch, tally),
    result: () => (tally.count > 0 ? { value: tally.mean } : noValue(noSample)),
    get samples() {
      return tally.samples
    },
    resampled: counts => tally.resampled(counts),
  }
}
