import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exportRecords } from '../../src/exports/export-records.ts'
import { renewDamagedIds } from '../../src/storage/damaged-ids.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { isReadable } from '../../src/storage/unreadable.ts'
import { salvageRecords } from '../../src/store-tools/salvage-records.ts'
import { insertBareExport } from '../support/bare-exports.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
let catalog: Catalog
beforeEach(async () => {
  directory = await temporaryDirectory()
  path = join(directory.path, 'catalog.sqlite')
  catalog = await openCatalog(path)
})
afterEach(async () => {
  await catalog.destroy()
  await directory.remove()
})

const newExport = (name: string) => insertBareExport(catalog, { name, correspondence: '{}' })

/** Changes the catalog as damage would: without regard to rows that belong together. */
function damage(sql: string, ...values: string[]): void {
  const database = new DatabaseSync(path)
  try {
    database.exec('pragma foreign_keys = off')
    expect(database.prepare(sql).run(...values).changes).toBe(1)
  } finally {
    database.close()
  }
}

const named = async (opened: Catalog) =>
  (await exportRecords.list(opened, { limit: 10, label: {} })).items
    .filter(isReadable)
    .map(({ id, name, labels }) => ({ id, name, labels }))

test('exports of a damaged catalog are kept whose models and records can be read', async () => {
  const kept = await newExport('kept')
  const [orphan, broken] = [await newExport('orphan'), await newExport('broken')]
  damage('delete from models where id = ?', orphan.model)
  damage("update exports set description = '{' where id = ?", broken.id)
  const salvaged = join(directory.path, 'salvaged.sqlite')
  const fresh = await openCatalog(salvaged)
  try {
    expect(await salvageRecords(path, salvaged, fresh, () => 1)).toMatchObject({ models: 5, exports: 1 })
    expect(await named(fresh)).toEqual([{ id: kept.id, name: 'kept', labels: { of: 'kept' } }])
  } finally {
    await fresh.destroy()
  }
})

test('an export with a damaged id gets a new one, and can be read', async () => {
  const { id } = await newExport('renewed')
  const damaged = id.replace(/.$/, '~')
  damage('update exports set id = ? where id = ?', damaged, id)
  const renewed = await renewDamagedIds(catalog)
  expect(renewed).toMatchObject([{ kind: 'exports', damaged }])
  expect((await named(catalog)).map(({ id, name }) => ({ id, name }))).toEqual([
    { id: renewed[0]?.id, name: 'renewed' },
  ])
})
