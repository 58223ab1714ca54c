import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
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
 * Headers that keep browsers from doing with an answer what nobody meant, and, for the origins that may call the service from
 * browsers, those of CORS; without origins there are none. To be registered before the routes are collected.
 */
export const securityHeaders = fastifyPlugin<{ corsOrigins: readonly string[] }>(async (app, { corsOrigins }) => {
  await app.register(helmet, {
    // Answers are data: nothing in them is to be loaded, framed or run. The pages of /docs have a policy of their own.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // The server speaks plain HTTP, over which this header must not be sent (RFC 6797, 7.2); it is for what ends TLS to add.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  })
  if (corsOrigins.length === 0) return
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders,
    strictPreflight: false,
  })
})
