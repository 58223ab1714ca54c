import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders } from '../schemas/common.ts'
import { comparisonBody, comparisonParameters } from '../schemas/comparison.ts'
import { comparisonJob } from '../schemas/job.ts'
import { type JobStart, jobStartErrors, startJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { type ComparisonService, comparisonErrors } from '../src/jobs/comparison-job.ts'

/** Routes that compare stored models, as a durable job: the dry run of a merge. */
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
          'A job that compares models pair by pair. It finds differences that prevent a merge, the distance of the weights, and the warnings of a merge.',
        tags: ['soups'],
        body: comparisonBody,
        headers: idempotencyHeaders,
        querystring: comparisonParameters,
        response: {
          200: comparisonJob.describe('The ended job, with ?wait'),
          202: comparisonJob,
          ...problemResponses(...jobStartErrors, ...comparisonErrors.start),
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query.wait, keep => comparisons.start(request.body, keep)),
  )
}
