import { type Place, TureenError } from '../../errors.ts'

/** What of an evaluation does not fit: one of the two arrays, or the metric that was asked of them. */
export type MismatchField = 'output' | 'target' | 'metrics'

/** The refusal of outputs and targets that a metric cannot compare. */
export function mismatch(
  metric: string,
  field: MismatchField,
  message: string,
  values: Pick<Place, 'expected' | 'actual'> = {},
): TureenError {
  return new TureenError('TUREEN_METRIC_MISMATCH', `${metric}: ${message}`, [{ field, ...values, message }])
}
