import type { ModelSelection } from '../../schemas/common.ts'
import { TureenError } from '../errors.ts'
import type { ModelStore } from '../models/model-store.ts'

/**
 * The ids of the models that a request selects by label, the oldest first.
 * @throws TureenError `TUREEN_NOT_FOUND` if there is none, `TUREEN_REQUEST_INVALID` if there are more than `maximum`
 */
export async function selectModels(
  { label }: ModelSelection,
  maximum: number,
  models: Pick<ModelStore, 'labelled'>,
): Promise<string[]> {
  const ids = await models.labelled(label, maximum + 1)
  if (ids.length > 0 && ids.length <= maximum) return ids
  const texts = Object.entries(label).map(([key, value]) => `${key}:${value}`)
  const what = `the label${texts.length > 1 ? 's' : ''} ${texts.join(', ')}`
  const field = 'models.label'
  if (ids.length === 0) {
    const message = `no model has ${what}`
    const advice = 'label models when you upload them (?label=key:value), or list those there are with GET /v1/models'
    throw new TureenError('TUREEN_NOT_FOUND', `In this store ${message}; ${advice}.`, [{ field, message }])
  }
  const message = `more than ${maximum} models have ${what}`
  throw new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The request takes ${maximum} models, and ${message}. Use a narrower label, or list the models.`,
    [{ field, message }],
  )
}
