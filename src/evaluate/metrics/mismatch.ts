import { type Place, TureenError } from '../../errors.ts'

/** The part of an evaluation that does not fit: one of the two arrays, or the scoring metric. */
export type MismatchField = 'output' | 'target' | 'metrics'

/** Returns the refusal of an output and a target that a scoring metric cannot compare. */
export function mismatch(
  metric: string,
  field: MismatchField,
  message: string,
  values: Pick<Place, 'expected' | 'actual'> = {},
): TureenError {
  return new TureenError('TUREEN_METRIC_MISMATCH', `${metric}: ${message}`, [{ field, ...values, message }])
}
