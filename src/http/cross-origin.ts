import cors from '@fastify/cors'
import fastifyPlugin from 'fastify-plugin'

/** Headers of answers that scripts of other origins may read. */
const exposedHeaders = [
  'content-disposition',
  'content-range',
  'etag',
  'idempotency-replayed',
  'location',
  'repr-digest',
  'retry-after',
  'tureen-report',
  'tureen-warnings',
  'www-authenticate',
  'x-request-id',
]

/**
 * Answers preflights and adds CORS headers for the given origins; without origins it does nothing. Register it before the routes are
 * collected.
 */
export const crossOrigin = fastifyPlugin<{ corsOrigins: readonly string[] }>(async (app, { corsOrigins }) => {
  if (corsOrigins.length === 0) return
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders,
    strictPreflight: false,
  })
})
