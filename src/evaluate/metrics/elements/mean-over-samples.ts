import { accumulateMean } from '../keeping/accumulate-mean.ts'
import type { ResamplingAccumulator } from '../metric.ts'
import { type ElementPairs, referencePairs } from './element-pairs.ts'

/** The mean over samples of what `score` makes of the elements of one sample, those from `begin` up to before `end`. */
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
