import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idempotencyHeaders, idParameter, recordParameters } from '../schemas/common.ts'
import { dataset, datasetFilters, datasetItem, datasetPage, datasetUpload } from '../schemas/dataset.ts'
import { datasetErrors } from '../src/datasets/dataset-errors.ts'
import type { DatasetStore, NamedFile } from '../src/datasets/dataset-store.ts'
import { TureenError } from '../src/errors.ts'
import { refuseOtherFiles } from '../src/evaluate/datasets/file-kinds.ts'
import { checkedBeginning } from '../src/http/body-beginning.ts'
import type { UploadPart } from '../src/http/form-parts.ts'
import { type Idempotency, idempotencyErrors } from '../src/http/idempotency.ts'
import { binary, deletionResponses, problemResponses, recordResponses } from '../src/http/openapi.ts'
import { checkPreconditions, recordTag, sendRecord } from '../src/http/preconditions.ts'
import { discardAll, receiveFiles } from '../src/http/receive-files.ts'
import { withoutPath } from '../src/http/sent-filename.ts'
import { lacksLineEnds, strippedBody } from '../src/http/stripped-body.ts'
import { streamedBodies, type UploadLimits, uploadErrors, uploadParts } from '../src/http/upload.ts'
import type { ContentFiles } from '../src/storage/content/content-files.ts'
import { expiryAfter } from '../src/storage/expiry.ts'

const tags = ['datasets']

type Options = { datasets: DatasetStore; idempotency: Idempotency; contentFiles: ContentFiles; uploads: UploadLimits }

/** Routes that upload, list, show and delete data sets. */
export const datasetRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { datasets, idempotency, contentFiles, uploads },
) => {
  await app.register(streamedBodies)
  app.post(
    '/v1/datasets',
    {
      schema: {
        operationId: 'createDataset',
        summary: 'Upload a data set',
        description:
          'Takes an .npz file, a form with several .npz files (shards), or a form with files input_N.pb and output_N.pb.',
        tags,
        headers: idempotencyHeaders,
        querystring: recordParameters,
        response: {
          200: dataset.describe('The existing record with the same content, name and labels'),
          201: dataset,
          ...problemResponses(...uploadErrors, ...idempotencyErrors, ...datasetErrors.add),
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
      const { name = null, label: labels, ttl } = request.query
      const { dataset: record, created } = await idempotency.once(request, reply, datasetUpload, {
        receive: () => receiveNamed(uploadParts(request, uploads), contentFiles),
        identify: files => files.map(({ name, sha256 }) => [name, sha256]),
        discard: files => discardAll(files, contentFiles),
        resource: outcome => outcome.dataset.id,
        create: (files, keep) => datasets.add(files, { name, labels, expiresAt: expiryAfter(ttl) }, keep),
      })
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
        operationId: 'listDatasets',
        summary: 'List data sets',
        description: 'Sorted, newest first by default, and filtered by name, label, creation, size or digest.',
        tags,
        querystring: datasetFilters,
        response: { 200: datasetPage, ...problemResponses(...datasetErrors.list) },
      },
    },
    ({ query }) => datasets.list(query),
  )

  app.get(
    '/v1/datasets/:id',
    {
      schema: {
        operationId: 'getDataset',
        summary: 'Get a data set',
        description: 'With If-None-Match, answers 304 while the record is unchanged.',
        tags,
        params: idParameter,
        response: { 200: datasetItem, ...recordResponses(datasetErrors.read) },
      },
    },
    async (request, reply) => sendRecord(request, reply, await datasets.read(request.params.id)),
  )

  app.delete(
    '/v1/datasets/:id',
    {
      schema: {
        operationId: 'deleteDataset',
        summary: 'Delete a data set',
        description:
          'Answers 409 while a job that has not ended needs the data set. With If-Match, answers 412 if the record has changed.',
        tags,
        params: idParameter,
        response: deletionResponses(datasetErrors.remove),
      },
    },
    async (request, reply) => {
      await datasets.remove(request.params.id, record => void checkPreconditions(request, recordTag(record)))
      return reply.code(204).send(null)
    },
  )
}

async function receiveNamed(parts: AsyncIterable<UploadPart>, contentFiles: ContentFiles): Promise<NamedFile[]> {
  const files = await receiveFiles<NamedFile>(parts, contentFiles, async (part, _, receive) => {
    if (part.kind === 'field')
      throw refusal(`The part ${part.field} is text and no file (with curl: -F data=@FILE)`, part.field)
    const name = withoutPath(part.filename) ?? 'data.npz'
    const chunks = checkedBeginning(part.stream, beginning => {
      refuseOtherFiles(name, beginning)
      // Every zip file has zeros at its end, and at its start.
      if (part.isFormBody && lacksLineEnds(beginning)) throw strippedBody()
    })
    return { ...(await receive(chunks)), name }
  })
  if (files.length > 0) return files
  throw refusal('The form has no file', 'data')
}

function refusal(what: string, field: string): TureenError {
  const message = 'a form has the files of a data set, in file parts of any name'
  return new TureenError('TUREEN_REQUEST_INVALID', `${what}; ${message}. Send such a form, or one .npz file itself.`, [
    { field, expected: 'file parts', message },
  ])
}
