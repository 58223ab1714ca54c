import { accumulateMean } from '../keeping/accumulate-mean.ts'
import type { ResamplingAccumulator } from '../metric.ts'
import { elementPairs } from './element-pairs.ts'

/** Returns an accumulator of the mean of `loss` over all elements. For several elements a sample this is scikit-learn's uniform average. */
export function meanOverElements(
  metric: string,
  keep: boolean,
  loss: (output: number, target: number) => number,
): ResamplingAccumulator {
  return accumulateMean(keep, (batch, tally) => {
    const { samples, size, output, target } = elementPairs(metric, batch)
    for (let sample = 0; sample < samples; sample += 1) {
      for (let i = sample * size; i < (sample + 1) * size; i += 1) tally.add(loss(output[i] ?? 0, target[i] ?? 0))
      tally.endSample()
    }
  })
}
