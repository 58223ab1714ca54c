import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { evaluationParameters, evaluationRequest, metricList } from '../schemas/evaluation.ts'
import { evaluationJob } from '../schemas/job.ts'
import { metrics } from '../src/evaluate/metrics/registry.ts'
import { sendJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { EvaluationService } from '../src/jobs/evaluation-job.ts'
import type { JobService } from '../src/jobs/job-service.ts'

const tags = ['evaluation']

/** Scoring models of the store on data sets of the store, as a durable job. */
export const evaluationRoutes: FastifyPluginAsyncZod<{ jobs: JobService; evaluations: EvaluationService }> = async (
  app,
  { jobs, evaluations },
) => {
  app.post(
    '/v1/evaluations',
    {
      schema: {
        summary: 'Score a model on a data set',
        tags,
        body: evaluationRequest,
        querystring: evaluationParameters,
        response: {
          200: evaluationJob.describe('With ?wait: the job has ended'),
          202: evaluationJob,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_MODEL_INCOMPLETE',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_DATASET_MISMATCH',
            'TUREEN_QUEUE_FULL',
            'TUREEN_STORE_FULL',
          ),
        },
      },
    },
    async ({ body, query }, reply) => sendJob(reply, jobs, await evaluations.start(body), query.wait),
  )

  app.get(
    '/v1/metrics',
    {
      schema: {
        summary: 'The metrics that models can be scored by',
        tags,
        response: { 200: metricList, ...problemResponses() },
      },
    },
    async () => ({
      items: [...metrics.values()].map(({ parameters, name, description, direction, per, target }) => ({
        name,
        description,
        direction,
        per,
        target,
        parameters: z.toJSONSchema(parameters, { io: 'input' }),
      })),
    }),
  )
}
