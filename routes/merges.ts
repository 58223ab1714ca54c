import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { jobParameters, jobStartHeaders, mergeJob } from '../schemas/job.ts'
import { mergeBody } from '../schemas/merge.ts'
import { type JobStart, jobStartErrors, startJob } from '../src/http/job-replies.ts'
import { failedJobResponses, problemResponses } from '../src/http/openapi.ts'
import { type MergeService, mergeErrors } from '../src/jobs/merge-job.ts'
import { type RecipeReader, recipeErrors } from '../src/jobs/recipe-reader.ts'
import { yamlMediaTypes } from '../src/merge/recipe-yaml.ts'
import { decodeText } from '../src/received-text.ts'

type Options = JobStart & { merges: MergeService; recipes: RecipeReader }

/** Routes that merge stored models, as a durable job. */
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
        description: 'A job that makes a new model from stored ones. The body may also be a mergekit configuration.',
        tags: ['soups'],
        consumes: ['application/json', ...yamlMediaTypes],
        body: mergeBody,
        headers: jobStartHeaders,
        querystring: jobParameters,
        response: {
          200: mergeJob.describe('The ended job, with ?wait'),
          202: mergeJob,
          ...problemResponses(
            ...jobStartErrors,
            ...recipeErrors.yaml,
            ...recipeErrors.mergeRequest,
            ...mergeErrors.start,
          ),
          ...failedJobResponses,
        },
      },
    },
    (request, reply) => startJob(request, reply, starting, request.query, keep => merges.start(request.body, keep)),
  )
}
