import { expect, test } from 'vitest'
import { waitingForDatabase } from '../../src/storage/patience.ts'
import { catalogPool, type DriverClient } from '../../src/storage/postgres/database-pool.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'

const forever = AbortSignal.any([])

/** A pool with one place, whose first connections are lost during a statement. `taken`: number of connections that are not released. */
function onePlace(losses: number) {
  const waiting: (() => void)[] = []
  const released: boolean[] = []
  let taken = 0
  let lost = 0
  const client = (): DriverClient => ({
    async query() {
      if (lost === losses) return { command: 'SELECT', rowCount: 1, rows: [{ id: 'store' }] }
      lost += 1
      throw new Error('the connection is gone')
    },
    on: () => undefined,
    release(destroy) {
      released.push(destroy)
      taken -= 1
      waiting.shift()?.()
    },
  })
  return {
    released,
    taken: () => taken,
    async connect() {
      if (taken > 0) await new Promise<void>(resolve => waiting.push(resolve))
      taken += 1
      return client()
    },
    end: async () => undefined,
  }
}

test('a read that waits for the database holds one connection, however many are lost', async () => {
  const pool = onePlace(3)
  const catalog = catalogIn(catalogPool(pool))
  const rows = await waitingForDatabase(forever, () => catalog.selectFrom('store').selectAll().execute())
  expect(rows).toEqual([{ id: 'store' }])
  expect(pool.taken()).toBe(0)
  // Lost ones leave the pool, and the last one stays in it.
  expect(pool.released).toEqual([true, true, true, false])
  await catalog.destroy()
})

test('a read that does not wait releases its lost connection once', async () => {
  const pool = onePlace(1)
  const catalog = catalogIn(catalogPool(pool))
  const read = () => catalog.selectFrom('store').selectAll().execute()
  await expect(read()).rejects.toMatchObject({ code: 'TUREEN_CATALOG_UNAVAILABLE' })
  expect(pool.released).toEqual([true])
  expect(await read()).toEqual([{ id: 'store' }])
  await catalog.destroy()
})
