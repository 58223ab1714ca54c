import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { readableRows } from '../../src/store-tools/readable-rows.ts'
import { recoverStore } from '../../src/store-tools/recover-store.ts'
import { checkStore } from '../../src/store-tools/store-check.ts'
import { undoMigrations } from '../support/earlier-catalog.ts'
import { externalModel } from '../support/external-model.ts'
import { copiedStore, uploadInFiles } from '../support/filled-store.ts'
import { json, merge, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'

let store: Awaited<ReturnType<typeof copiedStore>>
let catalog: string
let before: ModelRecord[]
/** A merge that succeeded. */
let job: JobRecord
const pageBytes = 4096

const models = async (url: string) =>
  (await json<{ items: ModelRecord[] }>(await fetch(`${url}/v1/models?limit=100`))).items

beforeAll(async () => {
  store = await copiedStore()
  catalog = join(store.data, 'catalog.sqlite')
  const { a, b } = store.records
  store.renew()
  await store.serving(async url => {
    for (let index = 0; index < 40; index += 1)
      await uploadModel(
        url,
        linearModel([index + 10], [1]),
        `name=model-${index}&label=run:${index % 3}&label=kept:yes`,
      )
    await uploadInFiles(url, externalModel([1, 2, 3, 4], [5, 6]))
    const { id } = await merge(url, { models: [{ id: a.id }, { id: b.id }], name: 'soup' })
    job = await json<JobRecord>(await fetch(`${url}/v1/jobs/${id}`))
    before = await models(url)
  })
  cpSync(store.data, saved(), { recursive: true, preserveTimestamps: true })
})
beforeEach(() => {
  rmSync(store.data, { recursive: true })
  cpSync(saved(), store.data, { recursive: true, preserveTimestamps: true })
})
afterAll(() => store.remove())

const saved = () => join(store.parent, 'saved')

/** Numbers of the pages of a table, from 1 on: its root, its leaves, and pages that rows continue on. */
function pagesOf(table: string, type: 'internal' | 'leaf' | 'overflow'): number[] {
  const database = new DatabaseSync(catalog, { readOnly: true })
  try {
    const pages = database.prepare('select pageno from dbstat where name = ? and pagetype = ?').all(table, type)
    return pages.map(row => Number(row['pageno']))
  } finally {
    database.close()
  }
}

function overwrite(...pages: number[]): void {
  const bytes = readFileSync(catalog)
  for (const page of pages) bytes.fill(0x5a, (page - 1) * pageBytes, page * pageBytes)
  writeFileSync(catalog, bytes)
}

async function recover() {
  const said: string[] = []
  const recovery = await recoverStore(store.data, line => void said.push(line))
  return { recovery, said: said.join('\n') }
}

/** What is left to find, whichever damage there was: every content has a record and the store is sound. */
async function expectAllContent(after: ModelRecord[]): Promise<void> {
  const own = (record: ModelRecord) => record.files.find(({ location }) => location === '')?.sha256
  expect(after.map(own).sort()).toEqual(before.map(own).sort())
  const found: string[] = []
  await checkStore(store.data, {
    deep: true,
    onFinding: ({ place, message }) => void found.push(`${place} ${message}`),
  })
  expect(found).toEqual([])
}

const kept = (after: ModelRecord[]) => before.filter(record => after.some(({ id }) => id === record.id))

test('rows around a damaged page are read, each by itself', () => {
  const database = new DatabaseSync(catalog, { readOnly: true })
  const all = [...readableRows(database, 'models')].map(({ id }) => id)
  database.close()
  const leaves = pagesOf('models', 'leaf')
  expect(leaves.length).toBeGreaterThan(6)
  overwrite(leaves[2] ?? 0, leaves[4] ?? 0)
  const damaged = new DatabaseSync(catalog, { readOnly: true })
  const read = [...readableRows(damaged, 'models')].map(({ id }) => id)
  expect([...readableRows(damaged, 'no_such_table')]).toEqual([])
  damaged.close()
  expect(read.length).toBeGreaterThan((all.length * (leaves.length - 4)) / leaves.length)
  expect(read.length).toBeLessThan(all.length)
  expect(new Set(read).size).toBe(read.length)
  expect(all).toEqual(expect.arrayContaining(read))
})

test('records that can be read keep ids, names, labels and jobs; the others get new ones from their content, with their labels', async () => {
  const leaves = pagesOf('models', 'leaf')
  overwrite(leaves[3] ?? 0)
  const { recovery, said } = await recover()
  expect(said).toMatch(/catalog\.sqlite is damaged\. It was set aside as .*, and a new one begun\./)
  expect(said).toMatch(/Of the damaged catalog \d+ models, 1 data sets, 0 exports, 1 jobs and 0 scores could be read/)
  await store.serving(async url => {
    const after = await models(url)
    expect(after).toEqual(expect.arrayContaining(kept(after)))
    expect(kept(after).length).toBeGreaterThan(30)
    expect(before.length - kept(after).length).toBe(recovery.models)
    expect(recovery.models).toBeGreaterThan(0)
    for (const { id, name, labels, sha256 } of after.filter(({ id }) => !before.some(each => each.id === id))) {
      const lost = before.find(each => each.sha256 === sha256)
      expect({ id, name, labels }).toEqual({ id, name: sha256, labels: lost?.labels })
    }
    const labelled = await json<{ items: ModelRecord[] }>(await fetch(`${url}/v1/models?label=kept:yes&limit=100`))
    expect(labelled.items).toHaveLength(40)
    expect(await json(await fetch(`${url}/v1/jobs/${job.id}`))).toEqual(job)
    await expectAllContent(after)
  })
})

test('jobs of a version that kept results in their rows and did not count their starts keep all but that number', async () => {
  const database = new DatabaseSync(catalog)
  undoMigrations(database, '0014')
  database.exec('pragma wal_checkpoint(truncate)')
  database.close()
  overwrite(pagesOf('models', 'leaf')[3] ?? 0)
  await recover()
  await store.serving(async url => {
    expect(job.attempts).toBe(1)
    expect(await json(await fetch(`${url}/v1/jobs/${job.id}`))).toEqual({ ...job, attempts: 0 })
  })
})

test('a model of one file whose files were lost knows them by its digest; one of several files waits for its data', async () => {
  overwrite(...pagesOf('model_files', 'leaf'))
  await recover()
  await store.serving(async url => {
    const after = await models(url)
    const single = before.filter(({ files }) => files.length === 1)
    expect(after).toEqual(expect.arrayContaining(single))
    expect(after.filter(({ status }) => status === 'incomplete')).toHaveLength(1)
    await expectAllContent(after)
  })
})

test('damage of all other tables leaves every model with its id and name', async () => {
  const others = [
    'labels',
    'jobs',
    'job_inputs',
    'job_events',
    'job_result_parts',
    'job_mistakes',
    'datasets',
    'dataset_files',
    'scores',
    'idempotency_keys',
  ]
  overwrite(...others.flatMap(table => pagesOf(table, 'leaf')))
  await recover()
  await store.serving(async url => {
    const after = await models(url)
    const named = (records: ModelRecord[]) => records.map(({ id, name, sha256 }) => ({ id, name, sha256 }))
    expect(named(after)).toEqual(named(before))
    await expectAllContent(after)
  })
})

test('a record whose text was damaged is made anew from its content', async () => {
  const [record] = before
  const database = new DatabaseSync(catalog)
  database.exec(`update models set description = '{' where id = '${record?.id}'`)
  database.exec('pragma wal_checkpoint(truncate)')
  database.close()
  overwrite(...pagesOf('job_events', 'leaf'))
  const { recovery } = await recover()
  expect(recovery).toMatchObject({ models: 1 })
  await store.serving(async url => expectAllContent(await models(url)))
})

test('a table whose root is damaged costs its rows, and no content', async () => {
  overwrite(...pagesOf('models', 'internal'))
  await recover()
  await store.serving(async url => expectAllContent(await models(url)))
})
