import type { Accumulator } from '../metric.ts'
import { noSample, noValue } from '../no-value.ts'
import { RunningSum } from '../running-sum.ts'
import { elementPairs } from './element-pairs.ts'

/** The mean of `loss` over all elements: with several a sample, scikit-learn's uniform average over them. */
export function meanOverElements(metric: string, loss: (output: number, target: number) => number): Accumulator {
  const sum = new RunningSum()
  return {
    add(batch) {
      const { output, target } = elementPairs(metric, batch)
      for (let i = 0; i < output.length; i += 1) sum.add(loss(output[i] ?? 0, target[i] ?? 0))
    },
    result: () => (sum.count > 0 ? { value: sum.mean } : noValue(noSample)),
  }
}
