import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'

/** The refusal of other bytes for a model that has all of its data. */
export function isComplete(reference: string, location: string): TureenError {
  const message = `has all of its data, other bytes at ${location} among it`
  return new TureenError(
    'TUREEN_MODEL_COMPLETE',
    `The model ${reference} ${message}. Models do not change: upload another one.`,
    [{ model: reference, message }],
  )
}

/** The refusal of a download: the model waits for the file, or never refers to it. */
export function noFile({ id, files, missing }: ModelRecord, location: string): TureenError {
  if (missing.includes(location)) {
    const message = `waits for its external data ${location}`
    const path = `/v1/models/${id}/data/${encodeURIComponent(location)}`
    return new TureenError('TUREEN_MODEL_INCOMPLETE', `The model ${id} ${message}: PUT ${path}.`, [
      { model: id, message },
    ])
  }
  const there = files.flatMap(each => each.location || []).join(', ') || 'its own alone'
  const message = `has no file ${location}; it has: ${there}`
  return new TureenError('TUREEN_NOT_FOUND', `The model ${id} ${message}.`, [{ model: id, message }])
}
