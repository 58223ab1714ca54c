import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders } from '../schemas/common.ts'
import { searchJob } from '../schemas/job.ts'
import { searchBody, searchParameters } from '../schemas/search.ts'
import { type JobStart, startJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { SearchService } from '../src/jobs/search-job.ts'

/** Finding which models of the store to average, as a durable job. */
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
        description: 'A job that scores candidates, keeps the best soup, and reports how sure its gain is.',
        tags: ['soups'],
        body: searchBody,
        headers: idempotencyHeaders,
        querystring: searchParameters,
        response: {
          200: searchJob.describe('With ?wait: the job has ended'),
          202: searchJob,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_MODEL_INCOMPLETE',
            'TUREEN_IDEMPOTENCY_KEY_BUSY',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_IDEMPOTENCY_KEY_REUSED',
            'TUREEN_TASK_TIMEOUT',
            'TUREEN_MODELS_DIFFER',
            'TUREEN_NON_FLOAT_DIFFERS',
            'TUREEN_RULE_UNMATCHED',
            'TUREEN_BLOCKS_UNKNOWN',
            'TUREEN_OUTPUT_DTYPE_IMPOSSIBLE',
            'TUREEN_SEARCH_TOO_LARGE',
            'TUREEN_METRIC_MISMATCH',
            'TUREEN_DATASET_MISMATCH',
            'TUREEN_QUEUE_FULL',
            'TUREEN_CONTENT_DAMAGED',
            'TUREEN_STORE_FULL',
          ),
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query.wait, keep => searches.start(request.body, keep)),
  )
}
