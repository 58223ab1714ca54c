import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idParameter } from '../schemas/common.ts'
import { type ExportListItem, exportFilters, exportItem, exportPage } from '../schemas/export.ts'
import { exportErrors } from '../src/exports/export-errors.ts'
import type { ExportStore } from '../src/exports/export-store.ts'
import { deletionResponses, problemResponses, recordResponses } from '../src/http/openapi.ts'
import { checkPreconditions, recordTag } from '../src/http/preconditions.ts'
import { isReadable } from '../src/storage/unreadable.ts'

const tags = ['exports']

/** Routes that list, show and delete exports. */
export const exportRoutes: FastifyPluginAsyncZod<{ exports: ExportStore }> = async (app, { exports }) => {
  app.get(
    '/v1/exports',
    {
      schema: {
        operationId: 'listExports',
        summary: 'List exports',
        description: 'Sorted, newest first by default, and filtered by name, label, creation or digest.',
        tags,
        querystring: exportFilters,
        response: { 200: exportPage, ...problemResponses(...exportErrors.list) },
      },
    },
    ({ query }) => exports.list(query),
  )

  app.get(
    '/v1/exports/:id',
    {
      schema: {
        operationId: 'getExport',
        summary: 'Get an export',
        description:
          'The steps from tensors of the checkpoint to each weight. With If-None-Match, answers 304 while the record is unchanged.',
        tags,
        params: idParameter,
        response: { 200: exportItem, ...recordResponses([...exportErrors.find, ...exportErrors.text]) },
      },
    },
    async (request, reply) => {
      const item = await exports.find(request.params.id)
      const tag = exportTag(item)
      reply.header('etag', tag)
      if (checkPreconditions(request, tag)) return reply.code(304).send()
      if (!isReadable(item)) return item
      reply.type('application/json; charset=utf-8')
      return request.method === 'HEAD' ? reply.send() : reply.send(Readable.from(lines(await exports.text(item))))
    },
  )

  app.delete(
    '/v1/exports/:id',
    {
      schema: {
        operationId: 'deleteExport',
        summary: 'Delete an export',
        description:
          'Models that were made by it stay. Answers 409 while a job that has not ended needs it. With If-Match, answers 412 if the record has changed.',
        tags,
        params: idParameter,
        response: deletionResponses(exportErrors.remove),
      },
    },
    async (request, reply) => {
      await exports.remove(request.params.id, item => void checkPreconditions(request, exportTag(item)))
      return reply.code(204).send(null)
    },
  )
}

/** Yields the pieces of a text, and ends its line. */
function* lines(pieces: Iterable<string>): Generator<string> {
  yield* pieces
  yield '\n'
}

/** Returns the entity tag of an export. Its digest stands for its lists, which never change. */
function exportTag({ id, name, labels, sha256, createdAt, expiresAt }: Omit<ExportListItem, 'unreadable'>): string {
  return recordTag({ id, name, labels, sha256, createdAt, expiresAt })
}
