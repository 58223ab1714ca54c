import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders } from '../schemas/common.ts'
import { mergeJob } from '../schemas/job.ts'
import { mergeBody, mergeParameters } from '../schemas/merge.ts'
import { type JobStart, startJob } from '../src/http/job-replies.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { MergeService } from '../src/jobs/merge-job.ts'
import type { RecipeReader } from '../src/jobs/recipe-reader.ts'
import { yamlMediaTypes } from '../src/merge/recipe-yaml.ts'
import { decodeText } from '../src/received-text.ts'

type Options = JobStart & { merges: MergeService; recipes: RecipeReader }

/** Merging models of the store, as a durable job. */
export const mergeRoutes: FastifyPluginAsyncZod<Options> = async (app, { merges, recipes, ...starting }) => {
  app.addContentTypeParser<Buffer>([...yamlMediaTypes], { parseAs: 'buffer' }, async (_: unknown, body: Buffer) =>
    recipes.yaml(decodeText(body)),
  )
  app.addHook('preValidation', async request => {
    request.body = await recipes.mergeRequest(request.body)
  })
  app.post(
    '/v1/merges',
    {
      schema: {
        operationId: 'createMerge',
        summary: 'Merge stored models',
        description: 'A job that makes a new model. Takes a configuration of mergekit as well.',
        tags: ['soups'],
        consumes: ['application/json', ...yamlMediaTypes],
        body: mergeBody,
        headers: idempotencyHeaders,
        querystring: mergeParameters,
        response: {
          200: mergeJob.describe('With ?wait: the job has ended'),
          202: mergeJob,
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
            'TUREEN_WEIGHTS_INVALID',
            'TUREEN_DATASET_MISMATCH',
            'TUREEN_METRIC_MISMATCH',
            'TUREEN_RECALIBRATION_IMPOSSIBLE',
            'TUREEN_QUEUE_FULL',
            'TUREEN_CONTENT_DAMAGED',
            'TUREEN_STORE_FULL',
          ),
        },
      },
    },
    (request, reply) =>
      startJob(request, reply, starting, request.query.wait, keep => merges.start(request.body, keep)),
  )
}
