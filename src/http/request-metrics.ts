import fastifyPlugin from 'fastify-plugin'
import type { Metrics } from './metrics.ts'
import type { PathTable } from './path-table.ts'

/** Counts every request at its end, answered or aborted. */
export const requestMetrics = fastifyPlugin<{ metrics: Metrics; paths: PathTable }>(async (app, { metrics, paths }) => {
  app.addHook('onRequest', async ({ method, url, routeOptions, is404 }, reply) => {
    reply.raw.once('close', () =>
      metrics.requestServed({
        route: is404 ? paths.find(url)?.pattern : routeOptions.url,
        method,
        status: reply.raw.headersSent ? reply.statusCode : null,
        seconds: reply.elapsedTime / 1000,
      }),
    )
  })
})
