import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'

/** Segments of a location that a URL does not keep as they are: clients resolve them before they send it. */
const unlikeUrls = /(^|\/)\.{1,2}(\/|$)/

/** The refusal of a data file that belongs to none of the locations that are `wanted`. */
export function unknownLocation(location: string, wanted: readonly string[]): TureenError {
  const message = `the model refers to no external data ${location}`
  const there = wanted.length > 0 ? `it refers to: ${wanted.join(', ')}` : 'all of its weights are in its own file'
  const example = wanted.find(each => unlikeUrls.test(each))
  const hint = example === undefined ? '' : ` (in a URL ${encodeURIComponent(example)}: one percent-encoded segment)`
  return new TureenError(
    'TUREEN_NOT_FOUND',
    `A data file belongs to the location that the model gives, and ${message}; ${there}${hint}.`,
    [{ field: location, message }],
  )
}

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
