import type { MetricResult } from './metric.ts'

/** The result of a set for which a metric does not exist. */
export function noValue(reason: string): MetricResult {
  return { value: Number.NaN, note: `there is no value: ${reason}` }
}

export const noSample = 'no sample counts'
