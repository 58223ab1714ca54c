import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idParameter } from '../schemas/common.ts'
import { dataset, datasetFilters, datasetPage } from '../schemas/dataset.ts'
import { uploadParameters } from '../schemas/model.ts'
import type { DatasetStore, NamedFile } from '../src/datasets/dataset-store.ts'
import { TureenError } from '../src/errors.ts'
import { binary, bodyProblems, problemResponses } from '../src/http/openapi.ts'
import { receiveFiles } from '../src/http/receive-files.ts'
import { streamedBodies, type UploadPart, uploadParts } from '../src/http/upload.ts'
import type { Artifacts } from '../src/storage/artifacts.ts'

const tags = ['data sets']

type Options = { datasets: DatasetStore; artifacts: Artifacts; maximumUploadBytes: number }

/** Data sets: what models are scored on. */
export const datasetRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { datasets, artifacts, maximumUploadBytes },
) => {
  await app.register(streamedBodies)
  app.post(
    '/v1/datasets',
    {
      schema: {
        summary: 'Upload a data set: an .npz, a form of .npz shards, or a form of input_N.pb and output_N.pb',
        tags,
        querystring: uploadParameters,
        response: {
          200: dataset.describe('The same was here already, under this name and these labels'),
          201: dataset,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_BODY_MALFORMED',
            'TUREEN_DIGEST_MISMATCH',
            'TUREEN_DATASET_MALFORMED',
            'TUREEN_TOO_LARGE',
            'TUREEN_UNSUPPORTED_MEDIA_TYPE',
            'TUREEN_DATASET_UNSUPPORTED',
            'TUREEN_STORE_FULL',
          ),
        },
      },
      config: {
        streamedBody: {
          'application/octet-stream': binary,
          'multipart/form-data': { type: 'object', properties: { data: { type: 'array', items: binary } } },
        },
      },
    },
    async (request, reply) => {
      const { name, label } = request.query
      const files = await receiveNamed(uploadParts(request, maximumUploadBytes), artifacts)
      const { dataset: record, created } = await datasets.add(files, { name: name ?? null, labels: label })
      return reply
        .code(created ? 201 : 200)
        .header('location', `/v1/datasets/${record.id}`)
        .send(record)
    },
  )

  app.get(
    '/v1/datasets',
    {
      schema: {
        summary: 'List data sets, newest first',
        tags,
        querystring: datasetFilters,
        response: { 200: datasetPage, ...problemResponses('TUREEN_REQUEST_INVALID') },
      },
    },
    ({ query }) => datasets.list(query),
  )

  app.get(
    '/v1/datasets/:id',
    {
      schema: {
        summary: 'A data set',
        tags,
        params: idParameter,
        response: { 200: dataset, ...problemResponses('TUREEN_REQUEST_INVALID', 'TUREEN_NOT_FOUND') },
      },
    },
    ({ params }) => datasets.get(params.id),
  )

  app.delete(
    '/v1/datasets/:id',
    {
      schema: {
        summary: 'Delete a data set',
        tags,
        params: idParameter,
        response: {
          204: z.null().describe('It is gone'),
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_NOT_FOUND',
            'TUREEN_IN_USE',
            'TUREEN_STORE_FULL',
            ...bodyProblems,
          ),
        },
      },
    },
    async ({ params }, reply) => {
      await datasets.remove(params.id)
      return reply.code(204).send(null)
    },
  )
}

async function receiveNamed(parts: AsyncIterable<UploadPart>, artifacts: Artifacts): Promise<NamedFile[]> {
  const files = await receiveFiles<NamedFile>(parts, artifacts, async part => {
    if (part.kind === 'field')
      throw refusal(`The part ${part.field} is text and no file (with curl: -F data=@FILE)`, part.field)
    return { ...(await artifacts.receive(part.stream)), name: part.filename ?? 'data.npz' }
  })
  if (files.length > 0) return files
  throw refusal('The form has no file', 'data')
}

function refusal(what: string, field: string): TureenError {
  const message = 'a form uploads a data set, in file parts of any name'
  return new TureenError('TUREEN_REQUEST_INVALID', `${what}; ${message}.`, [{ field, message }])
}
