import helmet from '@fastify/helmet'
import fastifyPlugin from 'fastify-plugin'

/** Headers that keep browsers from doing with an answer what nobody meant. */
export const securityHeaders = fastifyPlugin(async app => {
  await app.register(helmet, {
    // Answers are data: nothing in them is to be loaded, framed or run. Pages below /docs have policies of their own.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // The server speaks plain HTTP, over which this header must not be sent (RFC 6797, 7.2); it is for what ends TLS to add.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  })
})
