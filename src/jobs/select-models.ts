import type { ModelSelection } from '../../schemas/common.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { ModelStore } from '../models/model-store.ts'

/** Error codes of {@link selectModels}. */
export const selectionErrors = ['TUREEN_REQUEST_INVALID', 'TUREEN_NOT_FOUND'] as const satisfies readonly ErrorCode[]

/**
 * Returns the ids of the models that a request selects by label, oldest first.
 * @throws TureenError `TUREEN_NOT_FOUND` if there is none, `TUREEN_REQUEST_INVALID` if there are fewer than `minimum` or more than `maximum`
 */
export async function selectModels(
  { label }: ModelSelection,
  { minimum, maximum }: { minimum: number; maximum: number },
  models: Pick<ModelStore, 'labelled'>,
): Promise<string[]> {
  const ids = await models.labelled(label, maximum + 1)
  if (ids.length >= minimum && ids.length <= maximum) return ids
  const texts = Object.entries(label).map(([key, value]) => `${key}:${value}`)
  const what = `the label${texts.length > 1 ? 's' : ''} ${texts.join(', ')}`
  const field = 'models.label'
  if (ids.length === 0) {
    const message = `no model has ${what}`
    const advice = 'Label models when you upload them (?label=key:value), or list the models with GET /v1/models'
    throw new TureenError('TUREEN_NOT_FOUND', `In this store ${message}. ${advice}.`, [
      { field, actual: texts.join(', '), message },
    ])
  }
  const tooFew = ids.length < minimum
  const message = tooFew
    ? `${ids.length} model has ${what}, and the request takes ${minimum} or more`
    : `more than ${maximum} models have ${what}`
  const detail = tooFew
    ? `The request takes ${minimum} models or more, and ${ids.length} has ${what}. Label more models, or list the models.`
    : `The request takes ${maximum} models at most, and ${message}. Use a narrower label, or list the models.`
  throw new TureenError('TUREEN_REQUEST_INVALID', detail, [
    {
      field,
      expected: tooFew ? `${minimum} models at least` : `${maximum} models at most`,
      actual: tooFew ? `${ids.length}` : `more than ${maximum}`,
      message,
    },
  ])
}
