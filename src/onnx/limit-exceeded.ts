import { TureenError } from '../errors.ts'
import { limits } from './limits.ts'

/** The refusal of a file that goes beyond one of the {@link limits}. */
export function limitExceeded(limit: keyof typeof limits, what: string): TureenError {
  return new TureenError(
    'TUREEN_MODEL_LIMIT',
    `The model has more than ${limits[limit].toLocaleString('en')} ${what}; that is the limit.`,
  )
}
