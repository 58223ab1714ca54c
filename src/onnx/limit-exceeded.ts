import { type Place, TureenError } from '../errors.ts'
import { limits } from './model-limits.ts'

/**
 * Returns the error for a file that exceeds one of the {@link limits}.
 * @param what the counted thing, as in "has more than 200 ..."
 * @param place the tensor or node that exceeds the limit, if it is one
 */
export function limitExceeded(limit: keyof typeof limits, what: string, place: Place = {}): TureenError {
  const most = `${limits[limit].toLocaleString('en')} ${what}`
  const message = `has more than ${most}`
  return new TureenError('TUREEN_MODEL_LIMIT', `The model ${message}. That is the limit. Upload a smaller model.`, [
    { ...place, expected: `${most} at most`, message },
  ])
}
