import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders } from '../schemas/common.ts'
import { searchJob } from '../schemas/job.ts'
import { searchBody, searchParameters } from '../schemas/search.ts'
import { type JobStart, jobStartErrors, startJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { type SearchService, searchErrors } from '../src/jobs/search-service.ts'

/** Routes that search for the best soup of stored models, as a durable job. */
export const searchRoutes: FastifyPluginAsyncZod<JobStart & { searches: SearchService }> = async (
  app,
  { searches, ...starting },
) => {
  app.post(
    '/v1/searches',
    {
      schema: {
        operationId: 'createSearch',
        summary: 'Search for the best soup',
        description:
          'A job that scores candidates and stores the best soup. With a test data set, it also gives the confidence interval of the gain.',
        tags: ['soups'],
        body: searchBody,
        headers: idempotencyHeaders,
        querystring: searchParameters,
        response: {
          200: searchJob.describe('The ended job, with ?wait'),
          202: searchJob,
          ...problemResponses(...jobStartErrors, ...searchErrors.start),
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query.wait, keep => searches.start(request.body, keep)),
  )
}
