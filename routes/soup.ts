import { readFile } from 'node:fs/promises'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { soupParameters, soupRecipe, soupReport, weightTexts } from '../schemas/soup.ts'
import { TureenError } from '../src/errors.ts'
import type { UploadPart } from '../src/http/form-parts.ts'
import { clientGone } from '../src/http/job-replies.ts'
import { tooManyModels } from '../src/http/model-count.ts'
import { binary, fileOrJsonResponse, problemResponses, requestComponent } from '../src/http/openapi.ts'
import { discardModels, receiveModels, type SentModel } from '../src/http/receive-models.ts'
import { sendContent } from '../src/http/send-content.ts'
import { soupReportHeaders } from '../src/http/soup-report.ts'
import { recipeChunks, takeWeights } from '../src/http/text-parts.ts'
import { streamedBodies, type UploadLimits, uploadErrors, uploadParts } from '../src/http/upload.ts'
import { meantFiles } from '../src/models/meant-files.ts'
import { decodeText } from '../src/received-text.ts'
import { makeSoup, parseSoupRecipe, soupErrors } from '../src/soups/one-shot-soup.ts'
import type { ContentFiles } from '../src/storage/content/content-files.ts'
import type { ReadRange } from '../src/storage/content/content-store.ts'
import { readPieces } from '../src/storage/content/read-pieces.ts'
import type { ReceivedFile } from '../src/storage/received-file.ts'
import type { ThreadPool } from '../src/threads/thread-pool.ts'

/** Names of form parts that are models. */
const modelFields = ['model', 'base', 'fisher']

type Options = { contentFiles: ContentFiles; threads: ThreadPool; uploads: UploadLimits; maximumModels: number }

/** Route that merges the models of one request and answers with the soup. It stores nothing. */
export const soupRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { contentFiles, threads, uploads, maximumModels },
) => {
  await app.register(streamedBodies)
  app.post(
    '/v1/soup',
    {
      schema: {
        operationId: 'makeSoup',
        summary: 'Merge models in one request',
        description: 'Averages the models of the form and answers with the soup. The server keeps nothing.',
        tags: ['soups'],
        querystring: soupParameters,
        response: {
          200: fileOrJsonResponse(
            'The soup. The header Tureen-Warnings is the number of warnings. Tureen-Report is the report of the merge as JSON in base64url; it is absent above 2,048 characters. With ?report=only, the answer is the report instead of the file.',
            soupReport,
          ),
          ...problemResponses(...uploadErrors, ...soupErrors),
        },
      },
      config: {
        streamedBody: {
          'multipart/form-data': {
            type: 'object',
            properties: {
              model: { type: 'array', items: binary },
              base: binary,
              fisher: { type: 'array', items: binary },
              data: { type: 'array', items: binary },
              recipe: requestComponent(soupRecipe),
              weights: { type: 'array', items: { type: 'string' } },
            },
            required: ['model'],
          },
          'application/octet-stream': binary,
        },
      },
    },
    async (request, reply) => {
      const parts = uploadParts(request, uploads)
      const another = (before: readonly SentModel[]) => {
        if (before.length >= maximumModels) throw tooManyModels('model', maximumModels)
      }
      // Keep the recipe on disk until the form is complete, since many slow requests would take much memory.
      let recipe: ReceivedFile | undefined
      const weights: string[] = []
      const other = async (part: UploadPart) => {
        if (part.field === 'weights' && part.kind === 'field') return takeWeights(part, weights)
        if (part.field !== 'recipe' || recipe) throw unexpected(part)
        recipe = await contentFiles.receive(recipeChunks(part), part.reservation)
      }
      const make = async () => {
        let models: SentModel[] = []
        try {
          models = await receiveModels(parts, contentFiles, another, other, modelFields)
          const text = recipe && decodeText(await readFile(recipe.path))
          const sent = await Promise.all(
            models.map(async model => ({ ...model, files: await meantFiles(model.files, threads, model.label) })),
          )
          const asked = await parseSoupRecipe(sent, text, weightsOf(request.query.weights, weights), threads)
          return await makeSoup(asked.models, asked.recipe, contentFiles, threads, clientGone(reply))
        } finally {
          await discardModels(models, contentFiles)
          if (recipe) await contentFiles.discard(recipe.path)
        }
      }
      const { path, report, filename } = await make()
      try {
        reply.headers(soupReportHeaders(report))
        if (request.query.report === 'only') return await reply.send(report)
        const { bytes, sha256 } = report
        const read: ReadRange = range => readPieces(path, range)
        return await sendContent(request, reply, { read, bytes, sha256, filename })
      } finally {
        await contentFiles.discard(path)
      }
    },
  )
}

/** Returns the weights of the query or of the form. @throws TureenError `TUREEN_REQUEST_INVALID` */
function weightsOf(inQuery: number[] | undefined, inForm: readonly string[]): number[] | undefined {
  if (inForm.length === 0) return inQuery
  const parsed = inQuery === undefined ? weightTexts.safeParse(inForm) : undefined
  if (parsed?.success) return parsed.data
  const message = parsed
    ? parsed.error.issues.map(issue => issue.message).join('; ')
    : 'weights are given twice, in the query and in the form; leave one out'
  throw new TureenError('TUREEN_REQUEST_INVALID', `The soup cannot be made: ${message}.`, [
    { field: 'weights', actual: inForm.join(), message },
  ])
}

function unexpected({ kind, field }: UploadPart): TureenError {
  const expected = [...modelFields, 'data', 'recipe', 'weights'].join(', ')
  const message = `the parts of the form are ${expected}`
  const what =
    (modelFields.includes(field) || field === 'data') && kind === 'field'
      ? `The part ${field} is text and no file (with curl: -F ${field}=@FILE)`
      : field === 'recipe'
        ? 'The form has a second part recipe'
        : `The form has an unknown part ${field}`
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `${what}; ${message}. Send models as file parts named model, each with its external data behind it in parts named data, and at most one recipe or weights.`,
    [{ field, expected, message }],
  )
}
