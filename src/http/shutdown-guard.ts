import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

const idleMilliseconds = 100

/** Refuses new requests on open connections once the server is stopping. */
export const shutdownGuard = fastifyPlugin(async app => {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
    // Otherwise a connection stays open for another request after its last answer.
    const timer = setInterval(() => app.server.closeIdleConnections(), idleMilliseconds)
    app.server.once('close', () => clearInterval(timer))
  })
  app.addHook('onRequest', async (_, reply) => {
    if (!closing) return
    reply.header('connection', 'close').header('retry-after', '1')
    throw new TureenError(
      'TUREEN_SHUTTING_DOWN',
      'The server is stopping. Send the request again to the server that takes over.',
    )
  })
})
