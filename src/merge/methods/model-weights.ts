import { TureenError } from '../../errors.ts'

/**
 * Returns the sum of weights that are divided by it.
 * @param field the name of the weights in the request
 * @throws TureenError `TUREEN_WEIGHTS_INVALID` if it is 0, or beyond the range of a double
 */
export function requireSum(weights: readonly number[], field: string): number {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (sum !== 0 && Number.isFinite(sum)) return sum
  const message = `the weights ${weights.join(', ')} sum to ${sum}`
  throw new TureenError(
    'TUREEN_WEIGHTS_INVALID',
    `A weighted mean divides by the sum of the weights, and ${message}. Change the weights, or add without dividing: "normalize": false.`,
    [{ field, expected: 'a finite sum other than 0', actual: `${sum}`, message }],
  )
}

/** Returns the sum of weights. @throws TureenError `TUREEN_WEIGHTS_INVALID` if one is negative, or if all are 0 */
export function requireNonNegative(weights: readonly number[], field: string): number {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (weights.every(weight => weight >= 0) && sum > 0 && Number.isFinite(sum)) return sum
  const message = `the weights ${weights.join(', ')} are not all at least 0 with one above it`
  throw new TureenError(
    'TUREEN_WEIGHTS_INVALID',
    `The merge method takes weights of 0 and more, and ${message}. Change the weights.`,
    [{ field, expected: 'weights of 0 and more', actual: weights.join(', '), message }],
  )
}

/** Returns each weight divided by their sum. */
export function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map(weight => weight / sum)
}
