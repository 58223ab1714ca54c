import { TureenError } from '../errors.ts'
import { locationList } from '../onnx/unknown-location.ts'

/**
 * Checks that a model's external data is complete.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE` naming the missing locations
 */
export function requireComplete(label: string, missing: readonly string[]): void {
  if (missing.length === 0) return
  const message = `lacks its external data: ${locationList(missing)}`
  throw new TureenError(
    'TUREEN_MODEL_INCOMPLETE',
    `The model ${label} ${message}. Send it in parts named data behind this model part; to a stored model, PUT /v1/models/{id}/data/{location}.`,
    missing.map(location => ({ model: label, location, message: `the external data ${location} is missing` })),
  )
}
