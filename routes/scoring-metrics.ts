import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { metricList } from '../schemas/evaluation.ts'
import { metrics } from '../src/evaluate/metrics/metric-registry.ts'
import { parameterSchema } from '../src/evaluate/metrics/parameter-schema.ts'
import { problemResponses } from '../src/http/openapi.ts'

/** Route that lists the scoring metrics of the registry. */
export const scoringMetricRoutes: FastifyPluginAsyncZod = async app => {
  // Build the list once: the JSON Schemas of all parameters take milliseconds.
  const items = [...metrics.values()].map(metric => ({
    name: metric.name,
    description: metric.description,
    direction: metric.direction,
    per: metric.per,
    target: metric.target,
    parameters: z.toJSONSchema(parameterSchema(metric), { io: 'input' }),
  }))
  app.get(
    '/v1/metrics',
    {
      schema: {
        operationId: 'listScoringMetrics',
        summary: 'List scoring metrics',
        description: 'Direction, target and parameters of each scoring metric.',
        tags: ['evaluation'],
        response: { 200: metricList, ...problemResponses() },
      },
    },
    async () => ({ items }),
  )
}
