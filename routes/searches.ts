import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { searchJob } from '../schemas/job.ts'
import { searchParameters, searchRequest } from '../schemas/search.ts'
import { sendJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { JobService } from '../src/jobs/job-service.ts'
import type { SearchService } from '../src/jobs/search-job.ts'

/** Finding which models of the store to average, as a durable job. */
export const searchRoutes: FastifyPluginAsyncZod<{ jobs: JobService; searches: SearchService }> = async (
  app,
  { jobs, searches },
) => {
  app.post(
    '/v1/searches',
    {
      schema: {
        summary: 'Search which models to average, and keep the best soup',
        tags: ['soups'],
        body: searchRequest,
        querystring: searchParameters,
        response: {
          200: searchJob.describe('With ?wait: the job has ended'),
          202: searchJob,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_MODEL_INCOMPLETE',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_MODELS_DIFFER',
            'TUREEN_NON_FLOAT_DIFFERS',
            'TUREEN_RULE_UNMATCHED',
            'TUREEN_SEARCH_TOO_LARGE',
            'TUREEN_METRIC_MISMATCH',
            'TUREEN_DATASET_MISMATCH',
            'TUREEN_CONTENT_DAMAGED',
            'TUREEN_STORE_FULL',
          ),
        },
      },
    },
    async ({ body, query }, reply) => sendJob(reply, jobs, await searches.start(body), query.wait),
  )
}
