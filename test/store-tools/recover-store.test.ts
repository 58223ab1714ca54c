import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { recoverStore } from '../../src/store-tools/recover-store.ts'
import { checkStore } from '../../src/store-tools/store-check.ts'
import { externalModel } from '../support/external-model.ts'
import { contentFile, copiedStore, type Filled, flipBit, uploadInFiles } from '../support/filled-store.ts'
import { json, merge } from '../support/http-client.ts'

let store: Awaited<ReturnType<typeof copiedStore>>
let records: Filled
let catalog: string
beforeAll(async () => {
  store = await copiedStore()
  records = store.records
  catalog = join(store.data, 'catalog.sqlite')
})
beforeEach(() => store.renew())
afterAll(() => store.remove())

const recover = async () => {
  const said: string[] = []
  const recovery = await recoverStore(store.data, line => void said.push(line))
  return { recovery, said: said.join('\n') }
}
const findings = async () => {
  const found: string[] = []
  await checkStore(store.data, {
    deep: true,
    onFinding: ({ place, message }) => void found.push(`${place} ${message}`),
  })
  return found
}
const nothing = { models: 0, datasets: 0, returned: 0, left: 0, damaged: 0 }
const models = async (url: string) => (await json<{ items: ModelRecord[] }>(await fetch(`${url}/v1/models`))).items
const quarantine = async (sha256: string) => {
  const target = contentFile(store.data, sha256, 'quarantine')
  await mkdir(dirname(target), { recursive: true })
  renameSync(contentFile(store.data, sha256), target)
}

test('a store whose catalog is lost gets records from its content, described as uploads are', async () => {
  rmSync(catalog)
  const { recovery } = await recover()
  expect(recovery).toEqual({ ...nothing, models: 2, datasets: 1 })
  await store.serving(async url => {
    const found = await models(url)
    // Newest first, as they were uploaded.
    expect(found.map(({ sha256 }) => sha256)).toEqual([records.b.sha256, records.a.sha256])
    const { id, createdAt } = found[1] ?? {}
    expect(found[1]).toEqual({ ...records.a, id, createdAt, name: records.a.sha256, labels: {} })
    const datasets = await json<{ items: Filled['val'][] }>(await fetch(`${url}/v1/datasets`))
    expect(datasets.items).toMatchObject([{ sha256: records.val.sha256, samples: 3 }])
    expect((await merge(url, { models: found.map(each => ({ id: each.id })) })).status).toBe('succeeded')
  })
}, 300_000)

test.each([
  ['cut short', () => truncateSync(catalog, 4096)],
  ['another file', () => writeFileSync(catalog, 'x'.repeat(5000))],
  ['full of damage', () => writeFileSync(catalog, readFileSync(catalog).fill(0xff, 3 * 4096))],
])('one whose catalog is %s does too', async (_, damage) => {
  damage()
  const { recovery } = await recover()
  expect(recovery).toEqual({ ...nothing, models: 2, datasets: 1 })
  expect(await findings()).toEqual([])
})

test('a catalog that cannot be used is set aside, not deleted', async () => {
  writeFileSync(catalog, 'x'.repeat(5000))
  const { said } = await recover()
  const aside = readdirSync(store.data).filter(name => name.startsWith('catalog.sqlite.damaged-'))
  expect(aside).toHaveLength(1)
  expect(readFileSync(join(store.data, aside[0] ?? ''), 'latin1')).toBe('x'.repeat(5000))
  expect(said).toContain(aside[0])
})

test('a sound store is left as it is, names and all', async () => {
  const { recovery } = await recover()
  expect(recovery).toEqual(nothing)
  await store.serving(async url => expect(await models(url)).toEqual([records.b, records.a]))
})

test('damaged indexes alone are made anew, and no name is lost', async () => {
  const database = new DatabaseSync(catalog, { readOnly: true })
  const index = database.prepare(`select rootpage from sqlite_master where name = 'models_by_sha256'`).get()
  const { page_size: pageBytes } = database.prepare('pragma page_size').get() ?? {}
  database.close()
  const bytes = readFileSync(catalog)
  const at = bytes.indexOf(records.a.sha256, (Number(index?.['rootpage']) - 1) * Number(pageBytes))
  flipBit(catalog, at + 20)
  expect((await findings()).join()).toContain('missing from index models_by_sha256')
  const { recovery } = await recover()
  expect(recovery).toEqual(nothing)
  expect(await findings()).toEqual([])
  await store.serving(async url => expect(await models(url)).toEqual([records.b, records.a]))
})

test('only content without a record gets one; the others keep names and ids', async () => {
  const database = new DatabaseSync(catalog)
  database.exec(`delete from model_files where model_id = '${records.b.id}'; delete from models where name = 'b'`)
  database.close()
  const { recovery } = await recover()
  expect(recovery).toEqual({ ...nothing, models: 1 })
  await store.serving(async url => {
    const [newest, older] = await models(url)
    expect(older).toEqual(records.a)
    expect(newest).toMatchObject({ sha256: records.b.sha256, name: records.b.sha256 })
  })
})

test('content in quarantine comes back, to its old record or a new one', async () => {
  const database = new DatabaseSync(catalog)
  database.exec(`delete from model_files where model_id = '${records.b.id}'; delete from models where name = 'b'`)
  database.close()
  await quarantine(records.a.sha256)
  await quarantine(records.b.sha256)
  const { recovery } = await recover()
  expect(recovery).toEqual({ ...nothing, models: 1, returned: 1 })
  expect(await findings()).toEqual([])
  await store.serving(async url => expect(await models(url)).toHaveLength(2))
})

test('damaged content gets no record and is left where it is', async () => {
  rmSync(catalog)
  flipBit(contentFile(store.data, records.a.sha256), 40)
  const { recovery, said } = await recover()
  expect(recovery).toEqual({ ...nothing, models: 1, datasets: 1, damaged: 1 })
  expect(said).toContain(`${contentFile(store.data, records.a.sha256)} is damaged`)
  expect(readFileSync(contentFile(store.data, records.a.sha256)).byteLength).toBeGreaterThan(0)
})

test('a model of several files waits for its data, which is kept in quarantine and completes it', async () => {
  const model = externalModel([1, 2, 3, 4], [5, 6])
  const uploaded = await store.serving(url => uploadInFiles(url, model))
  rmSync(catalog)
  const { recovery, said } = await recover()
  expect(recovery).toEqual({ ...nothing, models: 3, datasets: 1, left: 2 })
  expect(said).toMatch(/waits for its data file weights\/W\.bin of at least 16 bytes: PUT .*weights%2FW\.bin/)
  expect(await findings()).toEqual([])
  await store.serving(async url => {
    const [incomplete] = (await models(url)).filter(({ status }) => status === 'incomplete')
    expect(incomplete?.missing.toSorted()).toEqual(['b.bin', 'weights/W.bin'])
    for (const [location, body] of Object.entries(model.data)) {
      const { sha256 } = uploaded.files.find(each => each.location === location) ?? { sha256: '' }
      expect(readFileSync(contentFile(store.data, sha256, 'quarantine'))).toEqual(Buffer.from(body))
      const place = `${url}/v1/models/${incomplete?.id}/data/${encodeURIComponent(location)}`
      expect((await fetch(place, { method: 'PUT', body })).status).toBeLessThan(300)
    }
    expect(await models(url)).toContainEqual(
      expect.objectContaining({ id: incomplete?.id, status: 'complete', sha256: uploaded.sha256 }),
    )
  })
})

test('a second run finds nothing more to do', async () => {
  rmSync(catalog)
  await recover()
  expect((await recover()).recovery).toEqual(nothing)
})

test('a catalog of a newer version is refused and not touched', async () => {
  const database = new DatabaseSync(catalog)
  database.exec(`insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01')`)
  database.close()
  const before = readFileSync(catalog)
  await expect(recover()).rejects.toThrow('newer version')
  expect(readFileSync(catalog).equals(before)).toBe(true)
})
