import pg from 'pg'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startServerHolds } from '../../src/storage/cluster/server-holds.ts'
import { sharedBusyKeys, sharedUploads } from '../../src/storage/cluster/shared-requests.ts'
import { catalogPool, poolOf, settingsOf } from '../../src/storage/postgres/database-pool.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { dropDatabase } from '../support/postgres.ts'
import { until } from '../support/store-client.ts'
import { createCatalogDatabase } from '../support/test-catalog.ts'

let url: string
beforeEach(async () => {
  url = await createCatalogDatabase()
})
afterEach(() => dropDatabase(url))

/** A server that shares the store. */
async function server(pool = poolOf(url, 10, () => undefined)) {
  const catalog = catalogIn(pool)
  const holds = await startServerHolds(catalog, pino({ level: 'silent' }), 8000)
  return {
    catalog,
    uploads: sharedUploads(holds),
    keys: sharedBusyKeys(holds),
    /** Ends it like SIGKILL: it frees nothing. */
    async kill() {
      await catalog.destroy()
      await holds.close()
    },
    async close() {
      await holds.close()
      await catalog.destroy()
    },
  }
}

/** Returns connections on which the answer to a commit is lost, as when PostgreSQL stops right after it. `loseNext`: loses the next one. */
function losingPool() {
  const pool = new pg.Pool({ ...settingsOf(url), max: 5 })
  pool.on('error', () => undefined)
  let isLosing = false
  const connect = async () => {
    const client = await pool.connect()
    return {
      async query(text: string, parameters: unknown[]) {
        const answer = await client.query(text, parameters)
        if (text !== 'commit' || !isLosing) return answer
        isLosing = false
        throw new Error('the connection is gone')
      },
      on: () => undefined,
      release: (destroy: boolean) => client.release(destroy),
    }
  }
  const loseNext = () => {
    isLosing = true
  }
  return { pool: catalogPool({ connect, end: () => pool.end() }), loseNext }
}

const atMost = (most: number, ofClient = most) => {
  return (total: number, own: number) => {
    if (total >= most || own >= ofClient) throw new Error('refused')
  }
}
const taken = async (tries: readonly Promise<() => Promise<void>>[]) =>
  (await Promise.allSettled(tries)).flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))

test('uploads that begin at once on two servers take as many slots as there are, for all and for one client', async () => {
  const servers = [await server(), await server()]
  const begin = (client: string, allow: ReturnType<typeof atMost>) =>
    Array.from({ length: 20 }, (_, index) => servers[index % 2]?.uploads.begin(client, allow) ?? Promise.reject())
  const own = await taken(begin('a', atMost(16, 3)))
  expect(own).toHaveLength(3)
  const others = await taken(begin('b', atMost(16)))
  expect(others).toHaveLength(13)
  for (const end of [...own, ...own, ...others]) await end()
  expect(await taken(begin('c', atMost(16)))).toHaveLength(16)
  for (const each of servers) await each.close()
})

test('the slots and keys of a server that dies are free once it has been silent', async () => {
  const [dying, other] = [await server(), await server()]
  await dying.uploads.begin('a', atMost(1))
  await dying.keys.take('key')
  await dying.kill()
  const begin = () => taken([other.uploads.begin('a', atMost(1))])
  expect(await begin()).toEqual([])
  expect(await other.keys.take('key')).toBeUndefined()
  await until('the slot is free', async () => (await begin()).length > 0)
  await until('the key is free', async () => (await other.keys.take('key')) !== undefined)
  await other.close()
})

test('of requests with one key on two servers at once, one has it, and another one afterwards', async () => {
  const servers = [await server(), await server()]
  for (let round = 0; round < 5; round += 1) {
    const tries = Array.from({ length: 10 }, (_, index) => servers[index % 2]?.keys.take('the same'))
    const [free, ...more] = (await Promise.all(tries)).filter(each => each !== undefined)
    expect(free).toBeDefined()
    expect(more).toEqual([])
    await free?.()
  }
  expect(await servers[0]?.keys.take('another')).toBeDefined()
  expect(await servers[1]?.keys.take('another')).toBeUndefined()
  await servers[0]?.close()
  expect(await servers[1]?.keys.take('another')).toBeDefined()
  await servers[1]?.close()
})

test('slots and keys whose commit got no answer are free soon, while their server lives', async () => {
  const { pool, loseNext } = losingPool()
  const [losing, other] = [await server(pool), await server()]
  const held = async () =>
    (await other.catalog.selectFrom('server_holds').select('kind').execute()).map(({ kind }) => kind)
  loseNext()
  await expect(losing.uploads.begin('a', atMost(1))).rejects.toMatchObject({ code: 'TUREEN_CATALOG_UNAVAILABLE' })
  loseNext()
  await expect(losing.keys.take('k')).rejects.toMatchObject({ code: 'TUREEN_CATALOG_UNAVAILABLE' })
  await until('nothing is held', async () => (await held()).length === 0)
  await other.uploads.begin('a', atMost(1))
  expect(await other.keys.take('k')).toBeDefined()
  for (const each of [losing, other]) await each.close()
})
