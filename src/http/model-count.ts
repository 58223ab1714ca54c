import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

/** Refuses JSON bodies whose list `models` is longer than TUREEN_MAX_MODELS, which may be less than the bound of the schema. */
export const modelCount = fastifyPlugin<{ maximumModels: number }>(async (app, { maximumModels }) => {
  app.addHook('preHandler', async ({ body }) => {
    if (typeof body !== 'object' || body === null || !('models' in body) || !Array.isArray(body.models)) return
    if (body.models.length > maximumModels) throw tooManyModels('models', maximumModels)
  })
})

/** Returns the refusal of a request with more than `maximumModels` models. @param field the name of the field or form part */
export function tooManyModels(field: string, maximumModels: number): TureenError {
  const message = `has more than ${maximumModels} models (TUREEN_MAX_MODELS)`
  return new TureenError('TUREEN_REQUEST_INVALID', `The request ${message}. Send fewer, or raise the limit.`, [
    { field, expected: `${maximumModels} models at most`, message },
  ])
}
