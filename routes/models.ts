import accepts from '@fastify/accepts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idParameter } from '../schemas/common.ts'
import { recipe } from '../schemas/merge.ts'
import {
  contentParameters,
  dataParameters,
  type ModelContentParameters,
  type ModelRecord,
  modelFilters,
  modelItem,
  modelPage,
  namedContentParameters,
  tensorPage,
  tensorParameters,
  tensorSummary,
  tensorSummaryParameters,
} from '../schemas/model.ts'
import { scorePage, scoreParameters } from '../schemas/score.ts'
import { clientGone } from '../src/http/job-replies.ts'
import { keepLastSlash } from '../src/http/last-slash.ts'
import { deletionResponses, fileResponse, problemResponses, recordResponses } from '../src/http/openapi.ts'
import { checkPreconditions, recordTag, sendRecord } from '../src/http/preconditions.ts'
import { contentErrors, sendContent } from '../src/http/send-content.ts'
import { type ListScores, scoreListErrors } from '../src/jobs/model-scores.ts'
import { yamlMediaTypes } from '../src/merge/yaml-media-types.ts'
import { requireCheckpoint } from '../src/models/checkpoint-refusals.ts'
import { contentFilename } from '../src/models/content-filename.ts'
import { modelErrors } from '../src/models/model-errors.ts'
import type { ModelStore } from '../src/models/model-store.ts'
import { readPieces } from '../src/storage/content/read-pieces.ts'

const tags = ['models']

const contentResponses = {
  200: fileResponse('The file'),
  206: fileResponse('The requested range of the file'),
  304: z.null().describe('Not modified: the client already has this content'),
  307: z.null().describe('With TUREEN_DOWNLOADS=redirect: the file is at the URL in Location for 15 minutes'),
}
const contentFileErrors = [
  ...modelErrors.get,
  ...modelErrors.file,
  ...modelErrors.requireSound,
  ...contentErrors,
] as const

/** Routes that list, show, download and delete stored models. */
export const modelRoutes: FastifyPluginAsyncZod<{ models: ModelStore; scores: ListScores }> = async (
  app,
  { models, scores },
) => {
  const sendStored = async (
    request: FastifyRequest,
    reply: FastifyReply,
    record: ModelRecord,
    location: string,
    filename: string,
  ) => {
    const file = models.file(record, location)
    const { path, data } = models.paths(record)
    const files = { label: record.id, path, data: data.filter(each => each.location === location) }
    await models.requireSound([files], clientGone(reply))
    return sendContent(request, reply, { ...file, filename })
  }

  await app.register(accepts)
  app.get(
    '/v1/models',
    {
      schema: {
        operationId: 'listModels',
        summary: 'List models',
        description:
          'Sorted, newest first by default, and filtered by name, label, creation, size, digest, fingerprint or kind.',
        tags,
        querystring: modelFilters,
        response: { 200: modelPage, ...problemResponses(...modelErrors.list) },
      },
    },
    ({ query }) => models.list(query),
  )

  app.get(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'getModel',
        summary: 'Get a model',
        description: 'With If-None-Match, answers 304 while the record is unchanged.',
        tags,
        params: idParameter,
        response: { 200: modelItem, ...recordResponses(modelErrors.read) },
      },
    },
    async (request, reply) => sendRecord(request, reply, await models.read(request.params.id)),
  )

  app.get(
    '/v1/models/:id/tensors',
    {
      schema: {
        operationId: 'listModelTensors',
        summary: 'List the tensors of a model',
        description: 'All tensors in the order of the file, with the names that a rule can match.',
        tags,
        params: idParameter,
        querystring: tensorParameters,
        response: {
          200: tensorPage,
          ...problemResponses(...modelErrors.tensors),
        },
      },
    },
    ({ params, query }) => models.tensors(params.id, query),
  )

  app.get(
    '/v1/models/:id/tensor-summary',
    {
      schema: {
        operationId: 'getTensorSummary',
        summary: 'Summarize a tensor of a model',
        description: 'Moments, norm and histogram of one tensor. The server reads its elements twice for each request.',
        tags,
        params: idParameter,
        querystring: tensorSummaryParameters,
        response: { 200: tensorSummary, ...problemResponses(...modelErrors.tensorSummary) },
      },
    },
    ({ params, query }, reply) => models.tensorSummary(params.id, query.tensor, clientGone(reply)),
  )

  app.get(
    '/v1/models/:id/scores',
    {
      schema: {
        operationId: 'listModelScores',
        summary: 'List the scores of a model',
        description: 'Kept scores of the model, newest first.',
        tags,
        params: idParameter,
        querystring: scoreParameters,
        response: { 200: scorePage, ...problemResponses(...scoreListErrors) },
      },
    },
    ({ params, query }) => scores(params.id, query),
  )

  app.get(
    '/v1/models/:id/recipe',
    {
      schema: {
        operationId: 'getModelRecipe',
        summary: 'Get the recipe of a soup',
        description:
          'The merge request that makes the soup again, as JSON or YAML. POST it to /v1/merges to get the same bytes.',
        tags,
        produces: ['application/json', ...yamlMediaTypes],
        params: idParameter,
        response: { 200: recipe, ...problemResponses(...modelErrors.recipe) },
      },
    },
    async (request, reply) => {
      const recipe = await models.recipe(request.params.id)
      reply.header('vary', 'accept')
      const wanted = request.accepts().type(['json', ...yamlMediaTypes])
      const yaml = yamlMediaTypes.find(type => type === wanted)
      if (yaml) {
        // Few clients ask for YAML, and its modules take a while to load.
        const { writeYaml } = await import('../src/merge/recipe-yaml.ts')
        reply.type(yaml).serializer(writeYaml)
      }
      return recipe
    },
  )

  const contentAnswers = {
    ...contentResponses,
    ...problemResponses(...contentFileErrors, ...modelErrors.withInline),
  }
  const sendModel = async (
    request: FastifyRequest,
    reply: FastifyReply,
    reference: string,
    { external, format, filename: wanted }: ModelContentParameters & { filename?: string },
  ) => {
    const record = await models.get(reference)
    if (format) requireCheckpoint(record)
    const isWhole = record.files.length === 1 && record.missing.length === 0
    const isWanted =
      (format === undefined || record.checkpoint?.format === format) && (external === undefined || isWhole)
    const filename = wanted ?? contentFilename(record, isWanted ? undefined : 'safetensors')
    if (isWanted) return sendStored(request, reply, record, '', filename)
    return models.withInline(record, clientGone(reply), ({ path, ...file }) =>
      sendContent(request, reply, { ...file, filename, read: range => readPieces(path, range) }),
    )
  }

  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/models/:id/content',
    schema: {
      operationId: 'getModelContent',
      summary: 'Download a model',
      description: 'The file or a range of it. Takes Range, If-Range, If-Match and If-None-Match.',
      tags,
      params: idParameter,
      querystring: contentParameters,
      response: contentAnswers,
    },
    handler: (request, reply) => sendModel(request, reply, request.params.id, request.query),
  })

  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/models/:id/content/:filename',
    schema: {
      operationId: 'getModelContentAs',
      summary: 'Download a model under a file name',
      description: 'The file under any name, for clients that name files after the last part of the address.',
      tags,
      params: namedContentParameters,
      querystring: contentParameters,
      response: contentAnswers,
    },
    handler: (request, reply) => {
      const { id, filename } = request.params
      return sendModel(request, reply, id, { ...request.query, filename })
    },
  })

  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/models/:id/data/*',
    schema: {
      operationId: 'getModelData',
      summary: 'Download external data of a model',
      description: 'One file of external data or a range of it. Takes Range, If-Range, If-Match and If-None-Match.',
      tags,
      params: dataParameters,
      response: { ...contentResponses, ...problemResponses(...contentFileErrors) },
    },
    preValidation: keepLastSlash,
    handler: async (request, reply) => {
      const { id, '*': location } = request.params
      const filename = location.split(/[\\/]/).at(-1) || 'data'
      return sendStored(request, reply, await models.get(id), location, filename)
    },
  })

  app.delete(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'deleteModel',
        summary: 'Delete a model',
        description:
          'Answers 409 while a job that has not ended needs the model. With If-Match, answers 412 if the record has changed.',
        tags,
        params: idParameter,
        response: deletionResponses(modelErrors.remove),
      },
    },
    async (request, reply) => {
      await models.remove(request.params.id, record => void checkPreconditions(request, recordTag(record)))
      return reply.code(204).send(null)
    },
  )
}
