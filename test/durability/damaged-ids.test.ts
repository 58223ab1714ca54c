import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { contentFile, copiedStore, type Filled } from '../support/filled-store.ts'
import { json, merge } from '../support/http-client.ts'

type Item = { id: string; unreadable?: string }
type Kind = 'models' | 'datasets' | 'jobs'

let store: Awaited<ReturnType<typeof copiedStore>>
let records: Filled
beforeAll(async () => {
  store = await copiedStore()
  records = store.records
})
beforeEach(() => store.renew())
afterAll(() => store.remove())

function damage(sql: string, ...values: (string | Uint8Array)[]): void {
  const catalog = new DatabaseSync(join(store.data, 'catalog.sqlite'))
  catalog.exec('pragma foreign_keys = off')
  expect(catalog.prepare(sql).run(...values).changes).toBe(1)
  catalog.close()
}

/** All records, one a page. */
async function list(url: string, kind: Kind): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const response = await fetch(`${url}/v1/${kind}?limit=1${cursor && `&cursor=${cursor}`}`)
    expect(response.status).toBe(200)
    const page: { items: Item[]; nextCursor: string | null } = await json(response)
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}

/** What a flipped bit makes of the first digit. */
const flips: [string, (id: string) => string | Uint8Array][] = [
  ['another letter', id => `p${id.slice(1)}`],
  ['a character of control', id => `\u0010${id.slice(1)}`],
  ['no UTF-8', id => Buffer.concat([Buffer.of(0xb0), Buffer.from(id.slice(1))])],
]

describe.each(flips)('an id in which a bit was flipped to %s', (_, flip) => {
  const asText = 'cast(? as text)'

  test('is mended at the next start: the models, data sets and jobs are as before', async () => {
    const [model, val] = [records.a, records.val]
    const job = await store.serving(async url => {
      const { id } = await merge(url, { models: [{ id: model.id }] })
      return json<JobRecord>(await fetch(`${url}/v1/jobs/${id}`))
    })
    damage(`update models set id = ${asText} where id = ?`, flip(model.id), model.id)
    damage(`update datasets set id = ${asText} where id = ?`, flip(val.id), val.id)
    damage(`update jobs set id = ${asText} where id = ?`, flip(job.id), job.id)
    await store.serving(async url => {
      expect(await list(url, 'models')).toContainEqual(model)
      expect((await list(url, 'datasets')).map(({ id }) => id)).toEqual([val.id])
      expect((await list(url, 'jobs')).map(({ id }) => id)).toEqual([job.id])
      expect(await json<JobRecord>(await fetch(`${url}/v1/jobs/${job.id}`))).toEqual(job)
      expect(await json<ModelRecord>(await fetch(`${url}/v1/models/${model.id}`))).toEqual(model)
    })
  })
})

test.each<[string, string | Uint8Array]>([
  ['empty', ''],
  ['no text', Buffer.of(0xff, 0x00, 0xfe)],
  ['something else', 'garbage'],
  ['another length', '01234567-89ab-7def-8123-456789abcde'],
])('an id that is %s is replaced by a new one: the record can be listed, read and deleted', async (_, damaged) => {
  damage('update models set id = ? where id = ?', damaged, records.a.id)
  await store.serving(async url => {
    const items = await list(url, 'models')
    expect(items).toHaveLength(2)
    expect(items).toContainEqual(records.b)
    const other = items.find(({ id }) => id !== records.b.id)
    expect(other?.unreadable).toBeDefined()
    expect((await fetch(`${url}/v1/models/${other?.id}`)).status).toBe(200)
    expect((await fetch(`${url}/v1/models/${other?.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await list(url, 'models')).toEqual([records.b])
  })
})

test('two records whose ids are equally near get new ones', async () => {
  const catalog = new DatabaseSync(join(store.data, 'catalog.sqlite'))
  catalog.exec('pragma foreign_keys = off')
  const near = (digit: string) => `${digit}${records.a.id.slice(1)}`
  catalog.prepare('update model_files set model_id = ? where model_id = ?').run(near('1'), records.a.id)
  catalog.prepare('update model_files set model_id = ? where model_id = ?').run(near('2'), records.b.id)
  catalog.prepare('update models set id = ? where id = ?').run(near('q'), records.a.id)
  catalog.close()
  await store.serving(async url => {
    const ids = (await list(url, 'models')).map(({ id }) => id)
    expect(ids).toHaveLength(2)
    for (const id of [near('1'), near('2'), near('q')]) expect(ids).not.toContain(id)
  })
})

test.each(['model_files', 'models'])('content stays where one of its two digests was damaged (%s)', async table => {
  const where = table === 'models' ? 'id' : 'model_id'
  damage(`update ${table} set sha256 = ? where ${where} = ?`, `sha256:${'0'.repeat(64)}`, records.a.id)
  await store.serving(async url => {
    const items = await list(url, 'models')
    expect(items.find(({ id }) => id === records.a.id)?.unreadable).toContain('is not the digest of its files')
    expect(existsSync(contentFile(store.data, records.a.sha256))).toBe(true)
  })
})
