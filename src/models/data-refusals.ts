import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import type { ModelFile } from './model-digest.ts'

/** Returns the refusal of a data file for a complete model. @param there the file that the model has at this location */
export function isComplete(reference: string, { location, bytes, sha256 }: ModelFile): TureenError {
  const message = `has all of its data, and at ${location} a file of ${bytes.toLocaleString('en')} bytes`
  return new TureenError(
    'TUREEN_MODEL_COMPLETE',
    `The model ${reference} ${message} (${sha256}). If your file is another one, upload another model: a complete model never changes.`,
    [{ model: reference, location, expected: sha256, message }],
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
