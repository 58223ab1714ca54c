import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { jobParameters, jobStartHeaders, searchJob } from '../schemas/job.ts'
import { searchBody } from '../schemas/search.ts'
import { type JobStart, jobStartErrors, startJob } from '../src/http/job-replies.ts'
import { failedJobResponses, problemResponses } from '../src/http/openapi.ts'
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
          'A job that scores candidates and stores the best soup. With a test data set, it says if the gain holds up, and recommends the winner or the best single model.',
        tags: ['soups'],
        body: searchBody,
        headers: jobStartHeaders,
        querystring: jobParameters,
        response: {
          200: searchJob.describe('The ended job, with ?wait'),
          202: searchJob,
          ...problemResponses(...jobStartErrors, ...searchErrors.start),
          ...failedJobResponses,
        },
      },
    },
    (request, reply) => startJob(request, reply, starting, request.query, keep => searches.start(request.body, keep)),
  )
}
