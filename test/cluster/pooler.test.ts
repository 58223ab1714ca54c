import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { json, merge, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase, type Pooler, startPooler } from '../support/postgres.ts'
import { serverGroup, stopServer } from '../support/server-group.ts'

const servers = serverGroup()
let server: string
let pooler: Pooler
beforeAll(async () => {
  server = inject('postgres') ?? ''
  pooler = await startPooler(server)
})
afterAll(async () => {
  await servers.remove()
  await pooler.remove()
})

/** Addresses of a new database: behind the pooler, and its own. */
async function addresses() {
  const direct = await createDatabase(server)
  const pooled = pooler.url(new URL(direct).pathname.slice(1))
  return { TUREEN_DATABASE_URL: pooled, TUREEN_DATABASE_DIRECT_URL: direct }
}

test('behind pgbouncer in transaction mode, many requests at once share two connections', async () => {
  const { url } = await servers.start(await servers.data(), await addresses())
  const numbers = Array.from({ length: 8 }, (_, index) => index)
  const models = await Promise.all(
    numbers.map(number => uploadModel(url, linearModel([number], [1]), `name=m${number}&label=of:pooler`)),
  )
  const merges = models
    .slice(1)
    .map((model, index) => merge(url, { models: [{ id: models[index]?.id }, { id: model.id }] }))
  expect((await Promise.all(merges)).map(({ status }) => status)).toEqual(Array(7).fill('succeeded'))
  const { items } = await json<{ items: ModelRecord[] }>(await fetch(`${url}/v1/models?label=of:pooler`))
  expect(items.map(({ id }) => id).sort()).toEqual(models.map(({ id }) => id).sort())
})

test('behind pgbouncer, the lock of the store and migrations use the direct address', async () => {
  const variables = await addresses()
  const data = await servers.data()
  const first = await servers.start(data, variables)
  const second = await servers.start(await servers.data(), variables).catch(String)
  expect(second).toContain('is in use by another Tureen server')
  await stopServer(first)
  await servers.start(data, variables)
})
