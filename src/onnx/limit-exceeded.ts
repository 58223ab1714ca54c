import { type ProblemItem, TureenError } from '../errors.ts'
import { limits } from './model-limits.ts'

/**
 * Returns the error for a file that exceeds one of the {@link limits}.
 * @param what the counted thing, as in "has more than 200 ..."
 * @param place the tensor or node that exceeds the limit, if it is one
 */
export function limitExceeded(
  limit: keyof typeof limits,
  what: string,
  place: Omit<ProblemItem, 'message'> = {},
): TureenError {
  const message = `has more than ${limits[limit].toLocaleString('en')} ${what}`
  return new TureenError('TUREEN_MODEL_LIMIT', `The model ${message}; that is the limit.`, [{ ...place, message }])
}
