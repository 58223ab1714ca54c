import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { comparisonBody } from '../schemas/comparison.ts'
import { comparisonJob, jobParameters, jobStartHeaders } from '../schemas/job.ts'
import { type JobStart, jobStartErrors, startJob } from '../src/http/job-replies.ts'
import { failedJobResponses, problemResponses } from '../src/http/openapi.ts'
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
        headers: jobStartHeaders,
        querystring: jobParameters,
        response: {
          200: comparisonJob.describe('The ended job, with ?wait'),
          202: comparisonJob,
          ...problemResponses(...jobStartErrors, ...comparisonErrors.start),
          ...failedJobResponses,
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query, keep => comparisons.start(request.body, keep)),
  )
}
