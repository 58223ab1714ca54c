import { constantOverBatches } from './dims.ts'
import { elementPairs } from './elements/element-pairs.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'
import { noValue } from './no-value.ts'
import { meanOf } from './running-sum.ts'

/** One of the numbers of a sample, over all samples so far. */
type Outcome = { count: number; mean: number; deviations: number; residuals: number }

/**
 * The coefficient of determination: 1 - sum of (target - output)^2 / sum of (target - mean target)^2, of outputs of
 * several numbers the mean of each one's. A constant target: 1 if it is met exactly, else 0. A single sample has none.
 * scikit-learn: `r2_score`. The deviations are summed in one pass (Welford 1962, doi:10.1080/00401706.1962.10490022).
 */
export const r2: Metric<NoParameters> = {
  name: 'r2',
  description:
    "The share of the target's variance that the output explains (R²); the mean where a sample has several numbers",
  direction: 'max',
  per: 'set',
  target: 'values',
  parameters: noParameters,
  start() {
    const requireConstant = constantOverBatches('r2', 'numbers a sample')
    let outcomes: Outcome[] = []
    return {
      add(batch) {
        const { samples, size, output, target } = elementPairs('r2', batch)
        if (samples === 0) return
        requireConstant(size)
        if (outcomes.length === 0) {
          outcomes = Array.from({ length: size }, () => ({ count: 0, mean: 0, deviations: 0, residuals: 0 }))
        }
        for (let i = 0; i < output.length; i += 1) {
          const outcome = outcomes[i % size]
          if (outcome) observe(outcome, output[i] ?? 0, target[i] ?? 0)
        }
      },
      result() {
        if ((outcomes[0]?.count ?? 0) < 2) return noValue('R² needs at least two samples')
        return { value: meanOf(outcomes.map(determination)) }
      },
    }
  },
}

function observe(outcome: Outcome, output: number, target: number): void {
  const before = target - outcome.mean
  outcome.count += 1
  outcome.mean += before / outcome.count
  outcome.deviations += before * (target - outcome.mean)
  outcome.residuals += (target - output) ** 2
}

function determination({ deviations, residuals }: Outcome): number {
  if (deviations === 0) return residuals === 0 ? 1 : residuals > 0 ? 0 : Number.NaN
  return 1 - residuals / deviations
}
