import { constantOverBatches } from './dims.ts'
import { elementPairs } from './elements/element-pairs.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'
import { noSample, noValue } from './no-value.ts'
import { meanOf, RunningSum } from './running-sum.ts'

/**
 * The square root of the mean of (output - target)^2, in the target's unit. Of outputs of several numbers each has its
 * own, and their mean counts, as scikit-learn's `root_mean_squared_error` has it: that is not the root of `mse`.
 */
export const rmse: Metric<NoParameters> = {
  name: 'rmse',
  description: 'The root of the mean squared error; the mean of the roots where a sample has several numbers',
  direction: 'min',
  per: 'set',
  target: 'values',
  parameters: noParameters,
  start() {
    const requireConstant = constantOverBatches('rmse', 'numbers a sample')
    let squares: RunningSum[] = []
    return {
      add(batch) {
        const { samples, size, output, target } = elementPairs('rmse', batch)
        if (samples === 0) return
        requireConstant(size)
        if (squares.length === 0) squares = Array.from({ length: size }, () => new RunningSum())
        for (let i = 0; i < output.length; i += 1) squares[i % size]?.add(((output[i] ?? 0) - (target[i] ?? 0)) ** 2)
      },
      result() {
        if (squares.length === 0) return noValue(noSample)
        return { value: meanOf(squares.map(sum => Math.sqrt(sum.mean))) }
      },
    }
  },
}
