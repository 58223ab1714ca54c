import cors from '@fastify/cors'
import fastifyPlugin from 'fastify-plugin'

/** What a script of another origin may read of an answer beside its body. */
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
 * Answers preflights, and adds the headers of CORS for the origins that may call the service from browsers; without origins there
 * are none. To be registered before the routes are collected.
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
