import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { idParameter } from '../schemas/common.ts'
import { dataset } from '../schemas/dataset.ts'
import { localChanges, localData, localDataset, localModel, localPath } from '../schemas/local-files.ts'
import { model } from '../schemas/model.ts'
import type { DatasetStore } from '../src/datasets/dataset-store.ts'
import { TureenError } from '../src/errors.ts'
import { clientGone } from '../src/http/job-replies.ts'
import type { ModelStore } from '../src/models/model-store.ts'
import { expiryAfter } from '../src/storage/expiry.ts'
import type { LocalFiles } from '../src/storage/local-files.ts'

type Options = { files: LocalFiles; models: ModelStore; datasets: DatasetStore }

/**
 * Routes of the server inside a command, which takes over files of this machine by their paths. They are not in the OpenAPI document, and
 * answer on a Unix socket alone.
 */
export const localFileRoutes: FastifyPluginAsyncZod<Options> = async (app, { files, models, datasets }) => {
  app.addHook('onRequest', async ({ raw, url }) => {
    // A socket of TCP has the address of its peer. Whoever comes that way must not read files by their paths.
    if (raw.socket.remoteAddress !== undefined) throw notFound(url)
  })

  app.post(
    '/local/models',
    { schema: { hide: true, body: localModel, response: { 201: model } } },
    async ({ body: { path, inPlace, name, labels, ttl, root } }, reply) => {
      const file = { ...(await files.adopt(path, inPlace, clientGone(reply))), location: '' }
      const added = await models.add([file], { name, labels, expiresAt: expiryAfter(ttl), root })
      return reply.code(201).send(added.model)
    },
  )

  app.put(
    '/local/models/:id/data',
    { schema: { hide: true, params: idParameter, body: localData, response: { 200: model } } },
    async ({ params, body: { path, inPlace, location } }, reply) => {
      const file = { ...(await files.adopt(path, inPlace, clientGone(reply))), location }
      return models.addData(params.id, file, () => undefined)
    },
  )

  app.post(
    '/local/datasets',
    { schema: { hide: true, body: localDataset, response: { 201: dataset } } },
    async ({ body: { path, name, labels, ttl } }, reply) => {
      const file = { ...(await files.adopt(path, false, clientGone(reply))), name: 'data.npz' }
      const added = await datasets.add([file], { name, labels, expiresAt: expiryAfter(ttl) })
      return reply.code(201).send(added.dataset)
    },
  )

  app.get('/local/changes', { schema: { hide: true, response: { 200: localChanges } } }, async () => ({
    changed: await files.changed(),
  }))

  app.get(
    '/local/models/:id/path',
    { schema: { hide: true, params: idParameter, response: { 200: localPath } } },
    async ({ params: { id } }) => {
      const stored = models.paths(await models.getComplete(id, 'id', true))
      await models.requireSound([{ ...stored, label: id }], AbortSignal.any([]))
      return { path: stored.path }
    },
  )
}

function notFound(url: string): TureenError {
  const message = 'is nothing that this server has'
  return new TureenError('TUREEN_NOT_FOUND', `There is no ${url}. Correct the path.`, [
    { field: 'url', actual: url, message },
  ])
}
