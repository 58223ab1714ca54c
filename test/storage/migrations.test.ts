import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../../src/storage/database.ts'
import { migrations } from '../../src/storage/migrations/migrations.ts'
import { catalogOf, killedEverywhere, modelsAfterStart, versionOf } from '../support/killed-migrations.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory.remove())

const names = Object.keys(migrations).sort()

test('a kill in the midst of all migrations, of a new store, leaves a catalog that the next start brings up to date', async () => {
  const copies = await killedEverywhere(join(directory.path, 'catalog.sqlite'))
  for (const copy of copies) expect(await modelsAfterStart(copy)).toEqual([])
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
