import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { comparisonParameters, comparisonRequest } from '../schemas/comparison.ts'
import { comparisonJob } from '../schemas/job.ts'
import { sendJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { ComparisonService } from '../src/jobs/comparison-job.ts'
import type { JobService } from '../src/jobs/job-service.ts'

/** Comparing models of the store, as a durable job: the dry run of a merge. */
export const comparisonRoutes: FastifyPluginAsyncZod<{ jobs: JobService; comparisons: ComparisonService }> = async (
  app,
  { jobs, comparisons },
) => {
  app.post(
    '/v1/comparisons',
    {
      schema: {
        summary: 'Compare models pair by pair: may they be merged, and how far apart are they',
        tags: ['soups'],
        body: comparisonRequest,
        querystring: comparisonParameters,
        response: {
          200: comparisonJob.describe('With ?wait: the job has ended'),
          202: comparisonJob,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_MODEL_INCOMPLETE',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_QUEUE_FULL',
            'TUREEN_STORE_FULL',
          ),
        },
      },
    },
    async ({ body, query }, reply) => sendJob(reply, jobs, await comparisons.start(body), query.wait),
  )
}
