import fastifyPlugin from 'fastify-plugin'
import type { Metrics } from './metrics.ts'

/** Counts every request at its end, answered or aborted. */
export const requestMetrics = fastifyPlugin<{ metrics: Metrics }>(async (app, { metrics }) => {
  app.addHook('onRequest', async ({ method, routeOptions, is404 }, reply) => {
    reply.raw.once('close', () =>
      metrics.requestServed({
        route: is404 ? undefined : routeOptions.url,
        method,
        status: reply.raw.headersSent ? reply.statusCode : null,
        seconds: reply.elapsedTime / 1000,
      }),
    )
  })
})
