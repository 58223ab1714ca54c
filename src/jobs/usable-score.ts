import type { ResolvedMetric } from './resolve-evaluation.ts'

/**
 * Returns a score that a search can compare; null if it is not finite, or if a metric of classes got NaN outputs.
 * @param notANumber number of NaN among the scored outputs
 */
export function usableScore(
  value: number | null,
  notANumber: number,
  { picksClasses }: Pick<ResolvedMetric, 'picksClasses'>,
): number | null {
  if (picksClasses && notANumber > 0) return null
  return value !== null && Number.isFinite(value) ? value : null
}
