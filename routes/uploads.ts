import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { dataParameters, model, uploadParameters } from '../schemas/model.ts'
import { TureenError } from '../src/errors.ts'
import { keepLastSlash } from '../src/http/last-slash.ts'
import { binary, problemResponses } from '../src/http/openapi.ts'
import { receiveFiles } from '../src/http/receive-files.ts'
import { discardModels, receiveModels, type SentModel } from '../src/http/receive-models.ts'
import { streamedBodies, type UploadPart, uploadParts } from '../src/http/upload.ts'
import type { ModelStore, ReceivedData } from '../src/models/model-store.ts'
import type { Artifacts } from '../src/storage/artifacts.ts'

type Options = { models: ModelStore; artifacts: Artifacts; maximumUploadBytes: number }

/** Uploading models: the body goes to disk as it arrives, hashed on the way. */
export const uploadRoutes: FastifyPluginAsyncZod<Options> = async (app, { models, artifacts, maximumUploadBytes }) => {
  await app.register(streamedBodies)
  app.post(
    '/v1/models',
    {
      schema: {
        summary:
          'Upload a model: the raw file, or a form with a part named model and its external data in parts named data',
        tags: ['models'],
        querystring: uploadParameters,
        response: {
          200: model.describe('The same bytes were here already, under this name and these labels'),
          201: model,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_DIGEST_MISMATCH',
            'TUREEN_NOT_ONNX',
            'TUREEN_MODEL_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_MODEL_LIMIT',
            'TUREEN_MODEL_UNSUPPORTED',
            'TUREEN_STORE_FULL',
          ),
        },
      },
      config: {
        streamedBody: {
          'application/octet-stream': binary,
          'multipart/form-data': {
            type: 'object',
            properties: { model: binary, data: { type: 'array', items: binary } },
            required: ['model'],
          },
        },
      },
    },
    async (request, reply) => {
      const { name, label } = request.query
      const { files } = await receiveOne(uploadParts(request, maximumUploadBytes), artifacts)
      const { model: record, created } = await models.add(files, { name: name ?? null, labels: label })
      return reply
        .code(created ? 201 : 200)
        .header('location', `/v1/models/${record.id}`)
        .send(record)
    },
  )

  app.put(
    '/v1/models/:id/data/*',
    {
      schema: {
        summary: 'Upload an external data file of a model that lacks it; the path is the location that the model gives',
        tags: ['models'],
        params: dataParameters,
        response: {
          200: model,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_DIGEST_MISMATCH',
            'TUREEN_MODEL_MALFORMED',
            'TUREEN_NOT_FOUND',
            'TUREEN_MODEL_COMPLETE',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_CONTENT_DAMAGED',
            'TUREEN_STORE_FULL',
          ),
        },
      },
      config: { streamedBody: { 'application/octet-stream': binary } },
      preValidation: keepLastSlash,
    },
    async request => {
      const { id, '*': location } = request.params
      await models.get(id)
      return models.addData(id, await receiveData(uploadParts(request, maximumUploadBytes), location, artifacts))
    },
  )
}

async function receiveOne(parts: AsyncIterable<UploadPart>, artifacts: Artifacts): Promise<SentModel> {
  const [model, second] = await receiveModels(parts, artifacts, async part => {
    throw unexpected(part)
  })
  if (!model) throw refusal('The form has no part named model', 'model')
  if (!second) return model
  await discardModels([model, second], artifacts)
  throw refusal('The form has a second model', 'model')
}

async function receiveData(
  parts: AsyncIterable<UploadPart>,
  location: string,
  artifacts: Artifacts,
): Promise<ReceivedData> {
  const [file, second] = await receiveFiles<ReceivedData>(parts, artifacts, async (part, before) => {
    if (part.kind === 'field' || before.length > 0) throw notOneFile(part.field)
    return { ...(await artifacts.receive(part.stream)), location }
  })
  if (file && !second) return file
  throw notOneFile('data')
}

function notOneFile(field: string): TureenError {
  const message = 'the body is the bytes of one data file'
  return new TureenError('TUREEN_REQUEST_INVALID', `The upload is not understood: ${message}.`, [{ field, message }])
}

function unexpected({ kind, field }: UploadPart): TureenError {
  if (kind === 'file' || (field !== 'model' && field !== 'data')) return refusal(`The form has a part ${field}`, field)
  return refusal(`The part ${field} is text and no file (with curl: -F ${field}=@FILE)`, field)
}

function refusal(what: string, field: string): TureenError {
  const message = 'a form uploads one model, in a file part named model, and its external data in parts named data'
  return new TureenError('TUREEN_REQUEST_INVALID', `${what}; ${message}.`, [{ field, message }])
}
