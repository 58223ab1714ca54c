import type { IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'

type Options = {
  checkHost(request: IncomingMessage, anyHost?: boolean): void
  checkOrigin(request: IncomingMessage): void
}

/**
 * Refuses what pages in browsers may not send, before anything else is looked at: path, token, rate or body. Registered before CORS, so
 * that no preflight is answered under a foreign name.
 */
export const browserGuard = fastifyPlugin<Options>(async (app, { checkHost, checkOrigin }) => {
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    checkHost(raw, routeOptions.config.anyHost)
    checkOrigin(raw)
  })
})
