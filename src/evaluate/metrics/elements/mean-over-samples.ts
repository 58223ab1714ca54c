import type { Accumulator } from '../metric.ts'
import { noSample, noValue } from '../no-value.ts'
import { RunningSum } from '../running-sum.ts'
import { type ElementPairs, referencePairs } from './element-pairs.ts'

/** The mean over samples of what `score` makes of the elements of one sample, those from `begin` up to before `end`. */
export function meanOverSamples(
  metric: string,
  score: (pairs: ElementPairs, begin: number, end: number) => number,
): Accumulator {
  const sum = new RunningSum()
  return {
    add(batch) {
      const pairs = referencePairs(metric, batch)
      for (let sample = 0; sample < pairs.samples; sample += 1) {
        sum.add(score(pairs, sample * pairs.size, (sample + 1) * pairs.size))
      }
    },
    result: () => (sum.count > 0 ? { value: sum.mean } : noValue(noSample)),
  }
}
