import type { MetricResult } from './metric.ts'

/** Returns the result of a set for which a scoring metric is not defined. */
export function noValue(reason: string): MetricResult {
  return { value: Number.NaN, note: `there is no value: ${reason}` }
}

export const noSample = 'no sample counts'
