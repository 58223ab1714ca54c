import { accumulateMean } from '../keeping/accumulate-mean.ts'
import type { ResamplingAccumulator } from '../metric.ts'
import { type ElementPairs, referencePairs } from './element-pairs.ts'

/**
 * Returns an accumulator of the mean of `score` over samples.
 * @param score returns the score of the elements from `begin` to before `end`
 */
export function meanOverSamples(
  metric: string,
  keep: boolean,
  score: (pairs: ElementPairs, begin: number, end: number) => number,
): ResamplingAccumulator {
  return accumulateMean(keep, (batch, tally) => {
    const pairs = referencePairs(metric, batch)
    for (let sample = 0; sample < pairs.samples; sample += 1) {
      tally.add(score(pairs, sample * pairs.size, (sample + 1) * pairs.size))
      tally.endSample()
    }
  })
}
