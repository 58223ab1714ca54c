import { constantOverBatches } from './batch-dims.ts'
import { elementPairs, valueShapes } from './elements/element-pairs.ts'
import { NumberList } from './keeping/number-list.ts'
import { requireCounts } from './keeping/require-counts.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'
import { noValue } from './no-value.ts'
import { meanOf } from './running-sum.ts'

/** Sums over all samples so far, for one of the numbers of a sample. */
type R2Outcome = { count: number; mean: number; deviations: number; residuals: number }

/**
 * The coefficient of determination: 1 - sum of (target - output)^2 / sum of (target - mean target)^2. For several numbers a sample, the
 * mean of their coefficients. For a constant target, 1 if all outputs are equal to it, otherwise 0. It is not defined for a single sample.
 * scikit-learn: `r2_score`. It sums the deviations in one pass (Welford 1962, doi:10.1080/00401706.1962.10490022; with counts, West 1979,
 * doi:10.1145/359146.359153).
 */
export const r2: Metric<NoParameters> = {
  name: 'r2',
  description:
    "Share of the target's variance that the output explains (R²); for several numbers a sample, the mean of their shares",
  direction: 'max',
  per: 'set',
  target: 'values',
  parameters: noParameters,
  shapes: valueShapes,
  start(_, keep) {
    const requireConstant = constantOverBatches('r2', 'numbers a sample')
    let all: R2Outcome[] = []
    // Keep pairs of a target and its squared residual, since the mean target depends on the resample.
    const kept = new NumberList()
    let keptSamples = 0
    return {
      add(batch) {
        const { samples, size, output, target } = elementPairs('r2', batch)
        if (samples === 0) return
        requireConstant(size)
        if (all.length === 0) all = newOutcomes(size)
        if (keep) keptSamples += samples
        for (let i = 0; i < output.length; i += 1) {
          const expected = target[i] ?? 0
          const residual = (expected - (output[i] ?? 0)) ** 2
          observe(all[i % size], expected, residual, 1)
          if (!keep) continue
          kept.push(expected)
          kept.push(residual)
        }
      },
      result() {
        if ((all[0]?.count ?? 0) < 2) return noValue('R² needs at least two samples')
        return { value: meanOf(all.map(determination)) }
      },
      get samples() {
        return keptSamples
      },
      resampled(counts) {
        requireCounts(counts, keptSamples)
        const pairs = kept.values
        const size = all.length
        const outcomes = newOutcomes(size)
        for (let sample = 0; sample < keptSamples; sample += 1) {
          const times = counts[sample] ?? 0
          if (times === 0) continue
          for (let i = 0; i < size; i += 1) {
            const pair = 2 * (sample * size + i)
            observe(outcomes[i], pairs[pair] ?? 0, pairs[pair + 1] ?? 0, times)
          }
        }
        return (outcomes[0]?.count ?? 0) < 2 ? Number.NaN : meanOf(outcomes.map(determination))
      },
    }
  },
}

function newOutcomes(size: number): R2Outcome[] {
  return Array.from({ length: size }, () => ({ count: 0, mean: 0, deviations: 0, residuals: 0 }))
}

/** Adds a target and its squared residual to the sums, `times` times. */
function observe(outcome: R2Outcome | undefined, target: number, residual: number, times: number): void {
  if (!outcome) return
  const before = target - outcome.mean
  outcome.count += times
  // Take the first target as the mean without a division: rounding would make a constant target vary.
  outcome.mean += outcome.count === times ? before : (before * times) / outcome.count
  outcome.deviations += times * before * (target - outcome.mean)
  outcome.residuals += times * residual
}

function determination({ deviations, residuals }: R2Outcome): number {
  if (deviations === 0) return residuals === 0 ? 1 : residuals > 0 ? 0 : Number.NaN
  return 1 - residuals / deviations
}
