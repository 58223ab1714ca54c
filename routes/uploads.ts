import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { model, uploadParameters } from '../schemas/model.ts'
import { TureenError } from '../src/errors.ts'
import { binary, problemResponses } from '../src/http/openapi.ts'
import { receiveFiles } from '../src/http/receive-files.ts'
import { streamedBodies, type UploadPart, uploadParts } from '../src/http/upload.ts'
import type { ModelStore } from '../src/models/model-store.ts'
import type { Artifacts, ReceivedFile } from '../src/storage/artifacts.ts'

type Options = { models: ModelStore; artifacts: Artifacts; maximumUploadBytes: number }

/** Uploading models: the body goes to disk as it arrives, hashed on the way. */
export const uploadRoutes: FastifyPluginAsyncZod<Options> = async (app, { models, artifacts, maximumUploadBytes }) => {
  await app.register(streamedBodies)
  app.post(
    '/v1/models',
    {
      schema: {
        summary: 'Upload a model: the raw file, or a form with one part named model',
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
          'multipart/form-data': { type: 'object', properties: { model: binary }, required: ['model'] },
        },
      },
    },
    async (request, reply) => {
      const { name, label } = request.query
      const file = await receiveOne(uploadParts(request, maximumUploadBytes), artifacts)
      const { model: record, created } = await models.add(file, { name: name ?? null, labels: label })
      return reply
        .code(created ? 201 : 200)
        .header('location', `/v1/models/${record.id}`)
        .send(record)
    },
  )
}

async function receiveOne(parts: AsyncIterable<UploadPart>, artifacts: Artifacts): Promise<ReceivedFile> {
  const [file] = await receiveFiles(parts, artifacts, async (part, before) => {
    if (part.kind !== 'file' || part.field !== 'model' || before.length > 0) throw unexpected(part, before.length > 0)
    return artifacts.receive(part.stream)
  })
  if (file) return file
  throw refusal('The form has no part named model', 'model')
}

function unexpected({ kind, field }: UploadPart, second: boolean): TureenError {
  if (field !== 'model') return refusal(`The form has a part ${field}`, field)
  if (kind === 'field') return refusal('The part model is text and no file (with curl: -F model=@FILE)', field)
  return refusal(second ? 'The form has a second model' : 'The part model is not understood', field)
}

function refusal(what: string, field: string): TureenError {
  const message = 'a form uploads one model, in one file part named model'
  return new TureenError('TUREEN_REQUEST_INVALID', `${what}; ${message}.`, [{ field, message }])
}
