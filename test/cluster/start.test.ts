import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openCatalog } from '../../src/storage/database.ts'
import { json, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import { killServer, serverGroup, stopServer } from '../support/server-group.ts'

const servers = serverGroup()
let server: string
beforeAll(() => {
  server = inject('postgres') ?? ''
})
afterAll(() => servers.remove())

/** Starts a server that must refuse. @returns its output */
async function refusalOf(data: string, variables: Record<string, string>): Promise<string> {
  const started = await servers.start(data, variables).catch((error: unknown) => error)
  if (!(started instanceof Error)) throw new Error('the server has started')
  return started.message
}

const modelAt = async (url: string, id: string) => json(await fetch(`${url}/v1/models/${id}`))

test('records stay in the database: after a stop and after a kill the next server has them', async () => {
  const data = await servers.data()
  const variables = { TUREEN_DATABASE_URL: await createDatabase(server) }
  const first = await servers.start(data, variables)
  const model = await uploadModel(first.url, linearModel([1], [2]), 'name=kept&label=a:b')
  expect(await stopServer(first)).toMatchObject({ code: 0 })
  const second = await servers.start(data, variables)
  expect(await modelAt(second.url, model.id)).toEqual(model)
  await killServer(second)
  const third = await servers.start(data, variables)
  expect(await modelAt(third.url, model.id)).toEqual(model)
})

test('a second server on the same database is refused, and takes it when the first has ended', async () => {
  const variables = { TUREEN_DATABASE_URL: await createDatabase(server) }
  const data = await servers.data()
  const first = await servers.start(data, variables)
  const refusal = await refusalOf(await servers.data(), variables)
  expect(refusal).toMatch(
    /is in use by another Tureen server, connected from 127\.0\.0\.1 since [^.]*\.\d+\S*\. Stop it, .*another database\.$/m,
  )
  expect(await fetch(`${first.url}/readyz`)).toMatchObject({ status: 200 })
  await killServer(first)
  await stopServer(await servers.start(data, variables))
})

test('a database of another store is refused, and so is a second catalog in the directory', async () => {
  const variables = { TUREEN_DATABASE_URL: await createDatabase(server) }
  await stopServer(await servers.start(await servers.data(), variables))
  expect(await refusalOf(await servers.data(), variables)).toContain('it belongs to the store')
  const own = await servers.data()
  await (await openCatalog(join(own, 'catalog.sqlite'))).destroy()
  expect(await refusalOf(own, variables)).toContain('only one of them can be the catalog')
})

test('a directory whose catalog is in PostgreSQL is not served without it', async () => {
  const data = await servers.data()
  const first = await servers.start(data, { TUREEN_DATABASE_URL: await createDatabase(server) })
  await uploadModel(first.url, linearModel([1], [2]))
  await stopServer(first)
  expect(await refusalOf(data, {})).toContain('set TUREEN_DATABASE_URL')
})

test.each([
  ['a wrong password', (url: string) => url.replace(/:[^:@]*@/, ':another-secret@'), 'password authentication failed'],
  ['an unknown database', (url: string) => `${url}_missing`, 'does not exist'],
])('%s is refused at once, and no password is told', async (_, change, reason) => {
  const url = change(await createDatabase(server))
  const refusal = await refusalOf(await servers.data(), { TUREEN_DATABASE_URL: url })
  expect(refusal).toContain(reason)
  expect(refusal).toContain(`127.0.0.1:${new URL(url).port}`)
  expect(refusal).not.toContain(new URL(url).password)
})

test('a database in another encoding is refused', async () => {
  const latin = await createDatabase(server, "encoding 'LATIN1' locale 'C' template template0")
  const refusal = await refusalOf(await servers.data(), { TUREEN_DATABASE_URL: latin })
  expect(refusal).toContain('its encoding is LATIN1')
})
