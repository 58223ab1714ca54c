import fastifyPlugin from 'fastify-plugin'
import { z } from 'zod'

/** Lets the routes of the API that declare no query parameters refuse any: an ignored one would mislead. */
export const declaredQueries = fastifyPlugin(async app => {
  app.addHook('onRoute', ({ url, schema }) => {
    if (!schema || schema.hide || !url.startsWith('/v1/')) return
    schema.querystring ??= z.strictObject({})
  })
})
