import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type Usage, usage } from '../schemas/service.ts'
import type { Metrics } from '../src/http/metrics.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { ownTurn } from '../src/own-turn.ts'
import type { StoreUsage } from '../src/storage/usage.ts'

const tags = ['service']

type Options = {
  metrics: Metrics
  metricsOpen: boolean
  readUsage: () => Promise<StoreUsage>
  verification: () => Usage['verification']
  limits: Usage['limits']
  isolation: Usage['isolation']
}

/** Routes that show usage and limits (`/v1/usage`) and service metrics for Prometheus (`/metrics`). */
export const serviceRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { metrics, metricsOpen, readUsage, verification, limits, isolation },
) => {
  app.get(
    '/v1/usage',
    {
      schema: {
        operationId: 'getUsage',
        summary: 'Get usage and limits',
        description:
          'Records, files, bytes, jobs, free space, the last verification, the isolation of models that run, and the limits of this server.',
        tags,
        response: { 200: usage, ...problemResponses() },
      },
    },
    async () => {
      const { catalog, ...store } = await readUsage()
      const count = (status: string) =>
        (catalog?.jobs ?? []).filter(each => each.status === status).reduce((sum, { records }) => sum + records, 0)
      const jobs = {
        queued: count('queued'),
        running: count('running'),
        succeeded: count('succeeded'),
        failed: count('failed'),
        cancelled: count('cancelled'),
      }
      return {
        models: catalog?.models ?? null,
        datasets: catalog?.datasets ?? null,
        jobs: catalog && jobs,
        scores: catalog?.scores ?? null,
        ...store,
        verification: verification(),
        isolation,
        limits,
      }
    },
  )

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
