import type { Batch, ResamplingAccumulator } from '../metric.ts'
import { noSample, noValue } from '../no-value.ts'
import { MeanTally } from './mean-tally.ts'

/** Returns an accumulator of the mean of terms. @param add adds the terms of each sample of a batch to the tally, and ends each sample */
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
