import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bringUpToDate, connectCatalog, openCatalog, type Tables } from '../../src/storage/database.ts'
import { migrations } from '../../src/storage/migrations/migrations.ts'
import { recogniseStore } from '../../src/storage/recognise-store.ts'
import { openSqlite } from '../../src/storage/sqlite-dialect.ts'
import { writeMarker } from '../../src/storage/store-marker.ts'
import { sha256 } from '../support/http-client.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory.remove())

const names = Object.keys(migrations).sort()
const model = { id: 'm', name: 'kept', sha256: 'sha256:00', fingerprint: 'f', created_at: '2026-01-01T00:00:00Z' }

/**
 * Brings a catalog up to date, and copies its files after every statement that has changed them: what a kill would leave.
 * @returns the copies
 */
async function killedEverywhere(path: string): Promise<string[]> {
  const copies: string[] = []
  let last = ''
  let statements = 0
  const log = () => {
    statements += 1
    const files = ['', '-wal'].filter(ending => existsSync(path + ending))
    const digests = files.map(ending => sha256(readFileSync(path + ending))).join()
    if (digests === last) return
    last = digests
    const copy = join(directory.path, `killed-${copies.length}`)
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
async function catalogOf(version: string, path: string): Promise<void> {
  const catalog = connectCatalog(path)
  const migrator = new Migrator({ db: catalog, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateTo(version)
  if (error) throw error
  await catalog.destroy()
  const database = new DatabaseSync(path)
  database
    .prepare('insert into models (id, name, sha256, fingerprint, description, created_at) values (?, ?, ?, ?, ?, ?)')
    .run(model.id, model.name, model.sha256, model.fingerprint, '{"bytes":7}', model.created_at)
  database.close()
}

/** The tables of a catalog, and the migrations that made them: some change only what is in the tables. */
function versionOf(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const tables = database.prepare('select name, sql from sqlite_master order by name').all()
    return JSON.stringify([tables, database.prepare('select name from kysely_migration order by name').all()])
  } finally {
    database.close()
  }
}

/** A copy that is used by the next start. @returns its models */
async function modelsAfterStart(copy: string): Promise<unknown[]> {
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

describe('a kill in the midst of the migrations leaves a catalog that is as before, or up to date', () => {
  test.each(names.slice(0, -1))('of the version of %s', async version => {
    const path = join(directory.path, 'catalog.sqlite')
    await catalogOf(version, path)
    const before = versionOf(path)
    const copies = await killedEverywhere(path)
    const after = versionOf(path)
    const seen = new Set<string>()
    for (const copy of copies) {
      seen.add(versionOf(join(copy, 'catalog.sqlite')))
      expect(await modelsAfterStart(copy)).toEqual([{ id: model.id, name: model.name, sha256: model.sha256 }])
      rmSync(copy, { recursive: true })
    }
    expect([...seen]).toEqual([before, after])
  })

  test('of a new store', async () => {
    const copies = await killedEverywhere(join(directory.path, 'catalog.sqlite'))
    for (const copy of copies) expect(await modelsAfterStart(copy)).toEqual([])
  })
})

test('a migration that fails leaves the catalog as it was', async () => {
  const path = join(directory.path, 'catalog.sqlite')
  await catalogOf('0003-who-computed-a-score', path)
  const database = new DatabaseSync(path)
  database.exec(`update models set description = '{'`)
  database.close()
  const before = versionOf(path)
  await expect(openCatalog(path)).rejects.toThrow('cannot be opened')
  expect(versionOf(path)).toBe(before)
})

test('servers of an older version can live with each migration: it names an earlier one that they must know', () => {
  const first = '0021-needs-of-migrations'
  const expanding = names.filter(name => name >= first)
  expect(expanding).toContain(first)
  for (const name of expanding) expect(names.slice(0, names.indexOf(name)), name).toContain(migrations[name]?.needs)
})
