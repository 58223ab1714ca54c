import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'

/** Returns the refusal of other bytes for a complete model. */
export function isComplete(reference: string, location: string): TureenError {
  const message = `has all of its data, and other bytes at ${location}`
  return new TureenError(
    'TUREEN_MODEL_COMPLETE',
    `The model ${reference} ${message}. A complete model never changes. Upload another model.`,
    [{ model: reference, location, message }],
  )
}

/** Returns the refusal of a download: the model lacks the file, or does not refer to it. */
export function noFile({ id, files, missing }: ModelRecord, location: string): TureenError {
  if (missing.includes(location)) {
    const message = `waits for its external data ${location}`
    const path = `/v1/models/${id}/data/${encodeURIComponent(location)}`
    return new TureenError('TUREEN_MODEL_INCOMPLETE', `The model ${id} ${message}. Send it: PUT ${path}.`, [
      { model: id, location, message },
    ])
  }
  const expected = files.flatMap(each => each.location || []).join(', ')
  const message = `has no file ${location}; it has ${expected || 'no external data'}`
  return new TureenError('TUREEN_NOT_FOUND', `The model ${id} ${message}. GET /v1/models/${id} lists its files.`, [
    { model: id, location, ...(expected ? { expected } : {}), message },
  ])
}
