import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

const idleMilliseconds = 100

/** Once the server is closing, requests that still come over open connections are refused. */
export const shutdownGuard = fastifyPlugin(async app => {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
    // A connection whose last answer has just ended would otherwise be kept open for the next request.
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
