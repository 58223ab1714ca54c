import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders } from '../schemas/common.ts'
import { comparisonBody, comparisonParameters } from '../schemas/comparison.ts'
import { comparisonJob } from '../schemas/job.ts'
import { type JobStart, startJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { ComparisonService } from '../src/jobs/comparison-job.ts'

/** Comparing models of the store, as a durable job: the dry run of a merge. */
export const comparisonRoutes: FastifyPluginAsyncZod<JobStart & { comparisons: ComparisonService }> = async (
  app,
  { comparisons, ...starting },
) => {
  app.post(
    '/v1/comparisons',
    {
      schema: {
        operationId: 'createComparison',
        summary: 'Compare models',
        description:
          'A job that compares models pair by pair: whether they can be merged, how far apart their weights are, and what a merge would warn of.',
        tags: ['soups'],
        body: comparisonBody,
        headers: idempotencyHeaders,
        querystring: comparisonParameters,
        response: {
          200: comparisonJob.describe('With ?wait: the job has ended'),
          202: comparisonJob,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_MODEL_INCOMPLETE',
            'TUREEN_IDEMPOTENCY_KEY_BUSY',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_IDEMPOTENCY_KEY_REUSED',
            'TUREEN_QUEUE_FULL',
            'TUREEN_STORE_FULL',
          ),
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query.wait, keep => comparisons.start(request.body, keep)),
  )
}
