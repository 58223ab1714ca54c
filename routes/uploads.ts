import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders } from '../schemas/common.ts'
import {
  dataParameters,
  model,
  modelUpload,
  putParameters,
  type UploadParameters,
  uploadParameters,
} from '../schemas/model.ts'
import { TureenError } from '../src/errors.ts'
import { checkedBeginning } from '../src/http/body-beginning.ts'
import { declaredSha256 } from '../src/http/body-digest.ts'
import type { UploadPart } from '../src/http/form-parts.ts'
import { type Idempotency, idempotencyErrors } from '../src/http/idempotency.ts'
import { keepLastSlash } from '../src/http/last-slash.ts'
import { binary, problemResponses } from '../src/http/openapi.ts'
import { checkPreconditions, contentTag, preconditionErrors } from '../src/http/preconditions.ts'
import { receiveFiles } from '../src/http/receive-files.ts'
import { discardModels, receiveModels, type SentModel } from '../src/http/receive-models.ts'
import { refuseStripped } from '../src/http/stripped-body.ts'
import { streamedBodies, type UploadLimits, uploadErrors, uploadParts } from '../src/http/upload.ts'
import type { ModelFile } from '../src/models/model-digest.ts'
import { modelErrors } from '../src/models/model-errors.ts'
import type { ModelStore } from '../src/models/model-store.ts'
import type { ReceivedData } from '../src/models/model-uploads.ts'
import type { ContentFiles } from '../src/storage/content/content-files.ts'
import { expiryAfter } from '../src/storage/expiry.ts'

type Options = { models: ModelStore; idempotency: Idempotency; contentFiles: ContentFiles; uploads: UploadLimits }

/** Routes that upload models and external data. A body is written to disk and hashed while it arrives. */
export const uploadRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { models, idempotency, contentFiles, uploads },
) => {
  await app.register(streamedBodies)
  const uploadResponses = {
    200: model.describe('The existing record with the same bytes, name and labels'),
    201: model,
    ...problemResponses(...uploadErrors, ...idempotencyErrors, ...modelErrors.add),
  }
  const upload = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { name, label: labels, ttl, root }: UploadParameters,
  ) => {
    const { model: record, created } = await idempotency.once(request, reply, modelUpload, {
      receive: () => receiveOne(uploadParts(request, uploads), contentFiles),
      identify: ({ files }) => files.map(({ location, sha256 }) => [location, sha256]),
      discard: sent => discardModels([sent], contentFiles),
      resource: outcome => outcome.model.id,
      create: ({ files }, keep) =>
        models.add(files, { name: name ?? null, labels, expiresAt: expiryAfter(ttl), root }, keep),
    })
    return reply
      .code(created ? 201 : 200)
      .header('location', `/v1/models/${record.id}`)
      .send(record)
  }

  app.post(
    '/v1/models',
    {
      schema: {
        operationId: 'createModel',
        summary: 'Upload a model',
        description: 'Takes the raw file, or a form with a part `model` and parts `data` with its external data.',
        tags: ['models'],
        headers: idempotencyHeaders,
        querystring: uploadParameters,
        response: uploadResponses,
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
    (request, reply) => upload(request, reply, request.query),
  )

  app.put(
    '/v1/models',
    {
      schema: {
        operationId: 'putModel',
        summary: 'Upload a model by PUT',
        description:
          'Takes the raw file, for clients that can only PUT. The same bytes with the same name and labels are one record.',
        tags: ['models'],
        headers: idempotencyHeaders,
        querystring: putParameters,
        response: uploadResponses,
      },
      config: { streamedBody: { 'application/octet-stream': binary } },
    },
    async (request, reply) => {
      if (request.isMultipart()) throw formRefused()
      return upload(request, reply, request.query)
    },
  )

  app.put(
    '/v1/models/:id/data/*',
    {
      schema: {
        operationId: 'putModelData',
        summary: 'Upload external data of a model',
        description:
          'Takes one file of external data. The path ends with its location in the model. Takes If-Match and If-None-Match.',
        tags: ['models'],
        params: dataParameters,
        response: {
          200: model,
          ...problemResponses(...uploadErrors, ...preconditionErrors, ...modelErrors.addData),
        },
      },
      config: { streamedBody: { 'application/octet-stream': binary } },
      preValidation: keepLastSlash,
    },
    async request => {
      const { id, '*': location } = request.params
      const check = (there: ModelFile | undefined) =>
        void checkPreconditions(request, there && contentTag(there.sha256))
      await models.expectData(id, location, check, there => mayHaveBytesOf(there, request))
      const file = await receiveData(uploadParts(request, uploads), location, contentFiles)
      return models.addData(id, file, check)
    },
  )
}

/**
 * True if the body may have the bytes of a file, by its headers. A client that asks before it sends (Expect: 100-continue) has to declare
 * the digest, since otherwise only the whole body would tell.
 */
function mayHaveBytesOf({ bytes, sha256 }: ModelFile, request: FastifyRequest): boolean {
  const { headers } = request
  const isRaw = !request.isMultipart()
  const declared = isRaw ? declaredSha256(headers) : undefined
  if (declared !== undefined) return declared === sha256
  const length = isRaw ? headers['content-length'] : undefined
  return headers.expect === undefined && (length === undefined || Number(length) === bytes)
}

async function receiveOne(parts: AsyncIterable<UploadPart>, contentFiles: ContentFiles): Promise<SentModel> {
  const another = (models: readonly SentModel[]) => {
    if (models.length > 0) throw refusal('The form has a second model', 'model')
  }
  const [model] = await receiveModels(parts, contentFiles, another, async part => {
    throw unexpected(part)
  })
  if (model) return model
  throw refusal('The form has no part named model', 'model')
}

async function receiveData(
  parts: AsyncIterable<UploadPart>,
  location: string,
  contentFiles: ContentFiles,
): Promise<ReceivedData> {
  const [file, second] = await receiveFiles<ReceivedData>(parts, contentFiles, async (part, before, receive) => {
    if (part.kind === 'field' || before.length > 0) throw notOneFile(part.field)
    const chunks = part.isFormBody ? checkedBeginning(part.stream, refuseStripped) : part.stream
    return { ...(await receive(chunks)), location }
  })
  if (file && !second) return file
  throw notOneFile('data')
}

function formRefused(): TureenError {
  return new TureenError(
    'TUREEN_UNSUPPORTED_MEDIA_TYPE',
    'PUT takes the raw bytes of one model, and the body is a form. Send the file itself (with curl: -T FILE), or POST the form.',
    [
      {
        field: 'content-type',
        expected: 'application/octet-stream',
        actual: 'multipart/form-data',
        message: 'is a form',
      },
    ],
  )
}

function notOneFile(field: string): TureenError {
  const message = 'the upload must be one data file'
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    'The upload must be one data file, and the form has other parts. Send the bytes of the file as the body (with curl: -T FILE).',
    [{ field, expected: '1 file', message }],
  )
}

function unexpected({ kind, field }: UploadPart): TureenError {
  if (kind === 'file' || (field !== 'model' && field !== 'data')) return refusal(`The form has a part ${field}`, field)
  return refusal(`The part ${field} is text and no file (with curl: -F ${field}=@FILE)`, field)
}

function refusal(what: string, field: string): TureenError {
  const message = 'a form has one file part named model, and its external data in file parts named data'
  return new TureenError('TUREEN_REQUEST_INVALID', `${what}; ${message}. Send such a form, or the file itself.`, [
    { field, expected: 'model, data', message },
  ])
}
