import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Metrics } from '../src/http/metrics.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { ownTurn } from '../src/own-turn.ts'
import type { StoreUsage } from '../src/storage/usage.ts'

const tags = ['service']

type Options = { metrics: Metrics; metricsOpen: boolean; readUsage: () => Promise<StoreUsage> }

/** The route of service metrics for Prometheus (`/metrics`). */
export const serviceMetricsRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { metrics, metricsOpen, readUsage },
) => {
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getServiceMetrics',
        summary: 'Get service metrics',
        description: 'Service metrics in the text format of Prometheus.',
        tags,
        response: {
          200: { description: 'Service metrics', content: { 'text/plain': { schema: z.string() } } },
          ...problemResponses(),
        },
      },
      config: metricsOpen ? { auth: 'open', anyHost: true } : { anyHost: true },
    },
    async (_, reply) => {
      const usage = await readUsage()
      await ownTurn()
      return reply.type(metrics.contentType).send(await metrics.expose(usage))
    },
  )
}
