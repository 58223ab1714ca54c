import { constantOverBatches } from './batch-dims.ts'
import { elementPairs, valueShapes } from './elements/element-pairs.ts'
import { NumberList } from './keeping/number-list.ts'
import { requireCounts } from './keeping/require-counts.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'
import { noSample, noValue } from './no-value.ts'
import { meanOf, RunningSum } from './running-sum.ts'

/**
 * The square root of the mean of (output - target)^2, in the unit of the target. For several numbers a sample, the mean of their roots, as
 * in scikit-learn's `root_mean_squared_error`; that is not the root of `mse`.
 */
export const rmse: Metric<NoParameters> = {
  name: 'rmse',
  description: 'Root of the mean squared error; for several numbers a sample, the mean of their roots',
  direction: 'min',
  per: 'set',
  target: 'values',
  parameters: noParameters,
  shapes: valueShapes,
  start(_, keep) {
    const requireConstant = constantOverBatches('rmse', 'numbers a sample')
    let all: RunningSum[] = []
    // Keep all squares: each number of a sample has a root of its own.
    const kept = new NumberList()
    let keptSamples = 0
    return {
      add(batch) {
        const { samples, size, output, target } = elementPairs('rmse', batch)
        if (samples === 0) return
        requireConstant(size)
        if (all.length === 0) all = newSums(size)
        if (keep) keptSamples += samples
        for (let i = 0; i < output.length; i += 1) {
          const square = ((output[i] ?? 0) - (target[i] ?? 0)) ** 2
          all[i % size]?.add(square)
          if (keep) kept.push(square)
        }
      },
      result() {
        if (all.length === 0) return noValue(noSample)
        return { value: meanOf(all.map(sum => Math.sqrt(sum.mean))) }
      },
      get samples() {
        return keptSamples
      },
      resampled(counts) {
        requireCounts(counts, keptSamples)
        const squares = kept.values
        const size = all.length
        const sums = newSums(size)
        let drawn = 0
        for (let sample = 0; sample < keptSamples; sample += 1) {
          const times = counts[sample] ?? 0
          if (times === 0) continue
          drawn += times
          for (let i = 0; i < size; i += 1) sums[i]?.add(times * (squares[sample * size + i] ?? 0))
        }
        return meanOf(sums.map(sum => Math.sqrt(sum.total / drawn)))
      },
    }
  },
}

function newSums(size: number): RunningSum[] {
  return Array.from({ length: size }, () => new RunningSum())
}
