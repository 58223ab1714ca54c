import { TureenError } from '../../errors.ts'
import type { WeightedSum } from '../../tensor/weighted-sum.ts'

/**
 * The weighted mean, and with `normalize` false the weighted sum (Wortsman et al. 2022, arXiv:2203.05482):
 * y = (w_1 x_1 + ... + w_n x_n) / (w_1 + ... + w_n); without the division where `normalize` is false.
 *
 * @param field what the request calls the weights
 * @throws TureenError `TUREEN_WEIGHTS_INVALID` if the weights sum to 0 or beyond the range of a double and are to be normalized
 */
export function linearSum(weights: readonly number[], normalize: boolean, field: string): WeightedSum {
  if (!normalize) return { weights, divisor: null, keepIdentical: false }
  const divisor = weights.reduce((sum, weight) => sum + weight, 0)
  if (divisor === 0 || !Number.isFinite(divisor)) {
    const message = `the weights ${weights.join(', ')} sum to ${divisor}`
    throw new TureenError(
      'TUREEN_WEIGHTS_INVALID',
      `A weighted mean divides by the sum of the weights, and ${message}. Change the weights, or add without dividing: "normalize": false.`,
      [{ field, message }],
    )
  }
  return { weights, divisor, keepIdentical: true }
}
