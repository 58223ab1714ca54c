import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertModel } from '../../src/models/insert-model.ts'
import { modelRecords } from '../../src/models/model-records.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let catalog: Catalog
beforeAll(async () => {
  directory = await temporaryDirectory()
  catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
})
afterAll(async () => {
  await catalog.destroy()
  await directory.remove()
})

test('a model of as many files as a form may have is one record, though SQLite takes 32,766 parameters in a statement', async () => {
  const locations = Array.from({ length: 16_383 }, (_, index) => `t${index}`).sort()
  const file = (location: string) => ({ location, sha256: `sha256:${'0'.repeat(64)}`, bytes: 1 })
  const files = ['', ...locations].map(file)
  const inspected = {
    bytes: 1,
    irVersion: 8,
    producer: null,
    opsets: [],
    inputs: [],
    outputs: [],
    parameters: 1,
    tensorCount: locations.length,
    dtypes: {},
    externalData: locations,
    dataBytes: locations.map(() => 1),
    fingerprint: null,
  }
  const model = { files, inspected, name: null, labels: {}, recipe: null, expiresAt: null }
  const record = await modelRecords.find(catalog, await insertModel(catalog, model))
  expect(record).toMatchObject({ status: 'complete', missing: [], bytes: files.length })
  expect(record).toHaveProperty('files', files)
  expect(record).not.toHaveProperty('dataBytes')
})
