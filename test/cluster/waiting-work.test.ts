import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { notWaiting, waitingForDatabase } from '../../src/storage/patience.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { openPostgresCatalog } from '../../src/storage/postgres/open-postgres.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { storeOfTests, usedAlone } from '../support/test-catalog.ts'

let postgres: Postgres
let catalog: Catalog
beforeAll(async () => {
  postgres = await startPostgres()
  const url = await postgres.createDatabase()
  const address = { url, directUrl: url }
  await (await openPostgresCatalog(address, storeOfTests, pino({ level: 'silent' }), usedAlone)).destroy()
  catalog = catalogIn(poolOf(url, 4, () => {}))
})
afterAll(async () => {
  await catalog.destroy()
  await postgres.remove()
})

const label = (key: string) => ({ owner_id: 'test', key, value: 'v' })
const read = () => catalog.selectFrom('labels').select('key').orderBy('key').execute()
const forever = new AbortController().signal

/** Runs work while the database is gone for a second. */
async function through<Result>(work: () => Promise<Result>): Promise<Result> {
  await postgres.stop()
  const working = work()
  working.catch(() => undefined)
  await delay(1_000)
  await postgres.start()
  return working
}

test('work that waits reads and writes when the database is back, each transaction once', async () => {
  await read()
  expect(await through(() => waitingForDatabase(forever, read))).toEqual([])
  let runs = 0
  const write = () =>
    catalog.transaction().execute(async transaction => {
      await transaction.insertInto('labels').values(label('kept')).execute()
      runs += 1
      if (runs > 1) return
      await postgres.stop()
      await postgres.start()
      await transaction.insertInto('labels').values(label('lost')).execute()
    })
  await waitingForDatabase(forever, write)
  expect(runs).toBe(2)
  expect(await read()).toEqual([{ key: 'kept' }])
})

test('work that does not wait is refused at once, also inside of work that waits, or that was stopped', async () => {
  const codes = await through(async () => {
    const stopped = AbortSignal.abort()
    const attempts = [read(), waitingForDatabase(forever, () => notWaiting(read)), waitingForDatabase(stopped, read)]
    return Promise.all(
      attempts.map(attempt =>
        attempt.then(
          () => 'read',
          error => asTureenError(error).code,
        ),
      ),
    )
  })
  expect(codes).toEqual(Array(3).fill('TUREEN_CATALOG_UNAVAILABLE'))
})
