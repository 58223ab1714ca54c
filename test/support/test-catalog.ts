import { join } from 'node:path'
import pino from 'pino'
import { inject } from 'vitest'
import { bringUpToDate, type Catalog, openCatalog } from '../../src/storage/database.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { type CatalogUse, openPostgresCatalog } from '../../src/storage/postgres/open-postgres.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { createDatabase, dropDatabase } from './postgres.ts'
import { temporaryDirectory } from './server.ts'

/** A data directory whose catalog is its own. */
export const storeOfTests = { id: 'store', adopt: async () => true }

/** The use of a catalog by one server. */
export const usedAlone: CatalogUse = { kind: 'alone', onTaken: fail, prepare: async () => undefined }

/** Makes a database with an empty catalog, which servers of a test may open as they like. @returns its address */
export async function createCatalogDatabase(): Promise<string> {
  const url = await createDatabase(inject('postgres') ?? '')
  const catalog = catalogIn(poolOf(url, 1, () => undefined))
  await bringUpToDate(catalog, 'store')
  await catalog.destroy()
  return url
}

/** A new catalog: in a database of PostgreSQL in the tier `cluster`, in SQLite elsewhere. */
export async function openTestCatalog(): Promise<{ catalog: Catalog; directory: string; close(): Promise<void> }> {
  const directory = await temporaryDirectory()
  const server = inject('postgres')
  const url = server && (await createDatabase(server))
  const catalog = url
    ? await openPostgresCatalog({ url, directUrl: url }, storeOfTests, pino({ level: 'silent' }), usedAlone)
    : await openCatalog(join(directory.path, 'catalog.sqlite'), 'store')
  return {
    catalog,
    directory: directory.path,
    async close() {
      await catalog.destroy()
      if (url) await dropDatabase(url)
      await directory.remove()
    },
  }
}

function fail(error: Error): never {
  throw error
}
