import helmet from '@fastify/helmet'
import fastifyPlugin from 'fastify-plugin'

/** Adds headers that stop browsers from running, framing or guessing the type of an answer. */
export const securityHeaders = fastifyPlugin(async app => {
  await app.register(helmet, {
    // Answers are data, so browsers need to load, frame or run nothing. Pages below /docs have policies of their own.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // This header must not be sent over plain HTTP (RFC 6797, 7.2). The proxy that ends TLS adds it.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  })
})
