import { sql } from 'kysely'
import pino from 'pino'
import { expect, inject, test } from 'vitest'
import type { Catalog } from '../../src/storage/database.ts'
import { openPostgresCatalog } from '../../src/storage/postgres/open-postgres.ts'
import { createDatabase } from '../support/postgres.ts'
import { storeOfTests, usedAlone } from '../support/test-catalog.ts'

const log = pino({ level: 'silent' })
const tomorrow = '9000-labels-of-tomorrow'

/** Uses a catalog as a start does, and closes it. */
async function withCatalog<Result>(url: string, use: (catalog: Catalog) => Promise<Result>): Promise<Result> {
  const catalog = await openPostgresCatalog({ url, directUrl: url }, storeOfTests, log, usedAlone)
  try {
    return await use(catalog)
  } finally {
    await catalog.destroy()
  }
}

/** Migrates a catalog as a version of tomorrow does. @param needs the migration that a program must know to use it */
async function migrateTomorrow(catalog: Catalog, needs: string | undefined): Promise<void> {
  await sql`insert into kysely_migration (name, timestamp) values (${tomorrow}, '2030-01-01T00:00:00.000Z')`.execute(
    catalog,
  )
  await sql`alter table labels add column tomorrow text`.execute(catalog)
  if (needs !== undefined)
    await sql`insert into kysely_migration_needs (name, needs) values (${tomorrow}, ${needs})`.execute(catalog)
}

test('a catalog of a newer version opens, if that says that this version knows enough', async () => {
  const url = await createDatabase(inject('postgres') ?? '')
  await withCatalog(url, catalog => migrateTomorrow(catalog, '0021-needs-of-migrations'))
  await withCatalog(url, async catalog => {
    await catalog.insertInto('labels').values({ owner_id: 'm', key: 'k', value: 'v' }).execute()
    expect(await catalog.selectFrom('labels').selectAll().execute()).toMatchObject([{ key: 'k', tomorrow: null }])
  })
})

test.each([undefined, '8999-of-tomorrow'])('a catalog whose newer migration needs %s is refused', async needs => {
  const url = await createDatabase(inject('postgres') ?? '')
  await withCatalog(url, catalog => migrateTomorrow(catalog, needs))
  await expect(withCatalog(url, async () => undefined)).rejects.toThrow(
    `it was written by a newer version of Tureen, and this version cannot use its migrations ${tomorrow}. Start the newer version`,
  )
})
