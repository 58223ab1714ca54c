import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exportRecords, insertExport } from '../../src/exports/export-records.ts'
import { insertModel } from '../../src/models/insert-model.ts'
import { renewDamagedIds } from '../../src/storage/damaged-ids.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { isReadable } from '../../src/storage/unreadable.ts'
import { salvageRecords } from '../../src/store-tools/salvage-records.ts'
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

async function newModel(digit: string) {
  const sha256 = `sha256:${digit.repeat(64)}`
  const inspected = {
    bytes: 1,
    irVersion: 8,
    producer: null,
    opsets: [],
    inputs: [],
    outputs: [],
    parameters: 0,
    tensorCount: 0,
    dtypes: {},
    externalData: [],
    dataBytes: [],
    fingerprint: null,
  }
  const files = [{ location: '', sha256, bytes: 1 }]
  const id = await insertModel(catalog, { files, inspected, name: null, labels: {}, recipe: null, expiresAt: null })
  return { id, name: null, sha256 }
}

async function newExport(name: string): Promise<{ id: string; model: string }> {
  const [model, checkpoint] = [await newModel('a'), await newModel('b')]
  const counts = { weights: 0, unmatched: 0, ambiguous: 0, shared: 0, numbers: 0, unused: 0 }
  const description = { model, checkpoint, prefix: { drop: '', add: '' }, counts, warnings: [] }
  const made = { description, correspondence: '{}', name, labels: { of: name }, expiresAt: null }
  return { id: await insertExport(catalog, made), model: model.id }
}

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
