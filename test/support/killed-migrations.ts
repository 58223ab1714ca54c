import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { expect } from 'vitest'
import { bringUpToDate, connectCatalog, openCatalog, type Tables } from '../../src/storage/database.ts'
import { migrations } from '../../src/storage/migrations/migrations.ts'
import { recogniseStore } from '../../src/storage/recognise-store.ts'
import { openSqlite } from '../../src/storage/sqlite-dialect.ts'
import { writeMarker } from '../../src/storage/store-marker.ts'
import { sha256 } from './http-client.ts'

/** The model in a catalog of an earlier version. */
export const keptModel = {
  id: 'm',
  name: 'kept',
  sha256: 'sha256:00',
  fingerprint: 'f',
  created_at: '2026-01-01T00:00:00Z',
}

/**
 * Brings a catalog up to date, and copies its files after every statement that has changed them: what a kill would leave.
 * @returns the copies, which are directories beside it
 */
export async function killedEverywhere(path: string): Promise<string[]> {
  const copies: string[] = []
  let last = ''
  let statements = 0
  const log = () => {
    statements += 1
    const files = ['', '-wal'].filter(ending => existsSync(path + ending))
    const digests = files.map(ending => sha256(readFileSync(path + ending))).join()
    if (digests === last) return
    last = digests
    const copy = join(dirname(path), `killed-${copies.length}`)
    mkdirSync(copy)
    for (const ending of files) copyFileSync(path + ending, join(copy, `catalog.sqlite${ending}`))
    copies.push(copy)
  }
  const catalog = new Kysely<Tables>({ dialect: openSqlite(path).dialect, log })
  await bringUpToDate(catalog, 'store')
  await catalog.destroy()
  expect(statements).toBeGreaterThan(5)
  return copies
}

/** A catalog as the version had it whose last migration was this one, with a model in it. */
export async function catalogOf(version: string, path: string): Promise<void> {
  const catalog = connectCatalog(path)
  const migrator = new Migrator({ db: catalog, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateTo(version)
  if (error) throw error
  await catalog.destroy()
  const database = new DatabaseSync(path)
  database
    .prepare('insert into models (id, name, sha256, fingerprint, description, created_at) values (?, ?, ?, ?, ?, ?)')
    .run(keptModel.id, keptModel.name, keptModel.sha256, keptModel.fingerprint, '{"bytes":7}', keptModel.created_at)
  database.close()
}

/** The tables of a catalog, and the migrations that made them: some change only what is in the tables. */
export function versionOf(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const tables = database.prepare('select name, sql from sqlite_master order by name').all()
    return JSON.stringify([tables, database.prepare('select name from kysely_migration order by name').all()])
  } finally {
    database.close()
  }
}

/** A copy that is used by the next start. @returns its models */
export async function modelsAfterStart(copy: string): Promise<unknown[]> {
  await writeMarker(copy, 'store')
  await recogniseStore(copy)
  const catalog = await openCatalog(join(copy, 'catalog.sqlite'), 'store')
  try {
    expect(await catalog.selectFrom('store').select('id').execute()).toEqual([{ id: 'store' }])
    return await catalog.selectFrom('models').select(['id', 'name', 'sha256']).execute()
  } finally {
    await catalog.destroy()
  }
}
