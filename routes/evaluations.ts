import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { evaluationRequest, metricList } from '../schemas/evaluation.ts'
import { evaluationJob, jobParameters, jobStartHeaders } from '../schemas/job.ts'
import { metrics } from '../src/evaluate/metrics/metric-registry.ts'
import { parameterSchema } from '../src/evaluate/metrics/parameter-schema.ts'
import { type JobStart, jobStartErrors, startJob } from '../src/http/job-replies.ts'
import { failedJobResponses, problemResponses } from '../src/http/openapi.ts'
import { type EvaluationService, evaluationErrors } from '../src/jobs/evaluation-job.ts'

const tags = ['evaluation']

/** Routes that score stored models on stored data sets, as a durable job, and list the scoring metrics. */
export const evaluationRoutes: FastifyPluginAsyncZod<JobStart & { evaluations: EvaluationService }> = async (
  app,
  { evaluations, ...starting },
) => {
  app.post(
    '/v1/evaluations',
    {
      schema: {
        operationId: 'createEvaluation',
        summary: 'Score a model',
        description: 'A job that runs a model on a data set and computes scoring metrics.',
        tags,
        body: evaluationRequest,
        headers: jobStartHeaders,
        querystring: jobParameters,
        response: {
          200: evaluationJob.describe('The ended job, with ?wait'),
          202: evaluationJob,
          ...problemResponses(...jobStartErrors, ...evaluationErrors.start),
          ...failedJobResponses,
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query, keep => evaluations.start(request.body, keep)),
  )

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
        tags,
        response: { 200: metricList, ...problemResponses() },
      },
    },
    async () => ({ items }),
  )
}
