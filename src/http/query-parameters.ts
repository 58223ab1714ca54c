import fastifyPlugin from 'fastify-plugin'
import { z } from 'zod'
import type { ProblemItem } from '../errors.ts'
import { nearest } from './nearest.ts'

/** Lets the routes of the API that declare no query parameters refuse any: an ignored one would mislead. */
export const declaredQueries = fastifyPlugin(async app => {
  app.addHook('onRoute', ({ url, schema }) => {
    if (!schema || schema.hide || !url.startsWith('/v1/')) return
    schema.querystring ??= z.strictObject({})
  })
})

/** The refusals of fields that a schema does not have, each naming the nearest that it has. */
export function unknownFields(keys: readonly string[], path: string, schema: unknown): ProblemItem[] {
  const known = schema instanceof z.ZodObject && path === '' ? Object.keys(schema.shape) : undefined
  return keys.map(key => {
    const field = path === '' ? key : `${path}.${key}`
    const near = nearest(key, known ?? [])
    if (near !== undefined) return { field, message: `is not known; the nearest that is: ${near}` }
    return { field, message: known ? 'is not known; none is' : 'is not known' }
  })
}
