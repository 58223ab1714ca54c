import { type ProblemItem, TureenError } from '../errors.ts'
import { limits } from './limits.ts'

/**
 * The refusal of a file that goes beyond one of the {@link limits}.
 * @param place of what does, where it is one thing
 */
export function limitExceeded(
  limit: keyof typeof limits,
  what: string,
  place: Omit<ProblemItem, 'message'> = {},
): TureenError {
  const message = `has more than ${limits[limit].toLocaleString('en')} ${what}`
  return new TureenError('TUREEN_MODEL_LIMIT', `The model ${message}; that is the limit.`, [{ ...place, message }])
}
