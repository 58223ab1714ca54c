import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createDatabase } from '../support/postgres.ts'
import { says, serverGroup, stopServer } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()
let server: string
beforeAll(() => {
  server = inject('postgres') ?? ''
})
afterAll(() => servers.remove())

/** Starts a server, and opens another connection to its database. `holder` returns the connection that has the lock of the store. */
async function startLocked() {
  const url = await createDatabase(server)
  const started = await servers.start(await servers.data(), { TUREEN_DATABASE_URL: url })
  const client = new Client(url)
  await client.connect()
  const holder = async () => {
    const { rows } = await client.query<{ pid: number; key: string }>(
      `select pid, (classid::bigint << 32 | objid::bigint)::text as key from pg_locks where locktype = 'advisory' and granted
        and database = (select oid from pg_database where datname = current_database())`,
    )
    return rows[0]
  }
  const terminate = (pid: number | undefined) => client.query('select pg_terminate_backend($1)', [pid])
  return { url, started, client, holder, terminate }
}

test('a server that loses the connection of its lock takes the lock again, and serves on', async () => {
  const { started, client, holder, terminate } = await startLocked()
  const first = await holder()
  await terminate(first?.pid)
  await until('the lock is held by another connection', async () => {
    const now = await holder()
    return now !== undefined && now.key === first?.key && now.pid !== first?.pid
  })
  expect(await fetch(`${started.url}/v1/models`)).toMatchObject({ status: 200 })
  expect(says(started, 'a connection to the database was lost')).toBe(true)
  expect(await stopServer(started)).toMatchObject({ code: 0 })
  expect(await holder()).toBeUndefined()
  await client.end()
})

test('a server whose lock another one has taken ends', async () => {
  const { url, started, client, holder, terminate } = await startLocked()
  const held = await holder()
  const other = new Client(url)
  await other.connect()
  const taken = other.query('select pg_advisory_lock($1)', [held?.key])
  await terminate(held?.pid)
  await taken
  expect(await started.exited).toMatchObject({ code: 1 })
  expect(says(started, 'its catalog cannot be used any longer')).toBe(true)
  expect(says(started, 'is in use by another Tureen server')).toBe(true)
  await other.end()
  await client.end()
})
