import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { changeMediaTypes, idParameter, recordChange } from '../schemas/common.ts'
import { dataset } from '../schemas/dataset.ts'
import { model } from '../schemas/model.ts'
import { datasetErrors } from '../src/datasets/dataset-errors.ts'
import type { DatasetStore } from '../src/datasets/dataset-store.ts'
import { jsonBodyErrors } from '../src/http/json-body.ts'
import { mergePatches } from '../src/http/merge-patches.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { checkPreconditions, preconditionErrors, recordTag } from '../src/http/preconditions.ts'
import { modelErrors } from '../src/models/model-errors.ts'
import type { ModelStore } from '../src/models/model-store.ts'

type ChangeableStores = { models: Pick<ModelStore, 'change'>; datasets: Pick<DatasetStore, 'change'> }

const description =
  'A merge patch (RFC 7396): absent fields stay, null removes a name or a label. A repeated request changes nothing more. With If-Match, answers 412 if the record has changed.'
const consumes = [...changeMediaTypes]

/** Routes that change names and labels of models and data sets. */
export const recordChangeRoutes: FastifyPluginAsyncZod<ChangeableStores> = async (app, { models, datasets }) => {
  await app.register(mergePatches)
  app.patch(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'updateModel',
        summary: 'Rename or label a model',
        description,
        tags: ['models'],
        consumes,
        params: idParameter,
        body: recordChange,
        response: { 200: model, ...problemResponses(...modelErrors.change, ...jsonBodyErrors, ...preconditionErrors) },
      },
    },
    async (request, reply) =>
      tagged(reply, await models.change(request.params.id, request.body, record => requireExpected(request, record))),
  )

  app.patch(
    '/v1/datasets/:id',
    {
      schema: {
        operationId: 'updateDataset',
        summary: 'Rename or label a data set',
        description,
        tags: ['datasets'],
        consumes,
        params: idParameter,
        body: recordChange,
        response: {
          200: dataset,
          ...problemResponses(...datasetErrors.change, ...jsonBodyErrors, ...preconditionErrors),
        },
      },
    },
    async (request, reply) =>
      tagged(reply, await datasets.change(request.params.id, request.body, record => requireExpected(request, record))),
  )
}

/** Refuses a change if the record has another entity tag than the request expects. */
function requireExpected(request: FastifyRequest, record: object): void {
  checkPreconditions(request, recordTag(record))
}

/** Adds the entity tag of the changed record, so that a client can go on without reading it again. */
function tagged<Changed extends object>(reply: FastifyReply, record: Changed): Changed {
  reply.header('etag', recordTag(record))
  return record
}
