import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord, JobSummary } from '../../schemas/job.ts'
import { changeCatalog } from '../support/change-catalog.ts'
import { isClustered } from '../support/clustered.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { json, merge, postJson, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let model: string
beforeAll(async () => {
  app = await startApp()
  model = (await uploadModel(app.url, linearModel([1, 2], [3, 4]))).id
})
afterAll(() => app.close())

/** All items of a list, page by page, each page within its bounds. */
async function allItems(path: string, limit = 500): Promise<{ id: string }[]> {
  const items: { id: string }[] = []
  let cursor: string | null = null
  do {
    const from: string = cursor === null ? '' : `&cursor=${cursor}`
    const text = await (await fetch(`${app.url}${path}?limit=${limit}${from}`)).text()
    const page: { items: { id: string }[]; nextCursor: string | null } = JSON.parse(text)
    if (page.items.length > 1) expect(text.length).toBeLessThanOrEqual(1_000_000)
    expect(page.items.length).toBeGreaterThan(0)
    expect(page.items.length).toBeLessThanOrEqual(limit)
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return items
}

const labels = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, 'v'.repeat(256)]))

describe('the list of jobs', () => {
  test('leaves out requests and results, and keeps what tells jobs apart', async () => {
    const made = await merge(app.url, { models: [{ id: model }], name: 'soup', labels: { run: '7' } })
    const list = await json<{ items: JobSummary[] }>(await fetch(`${app.url}/v1/jobs`))
    const {
      request: _request,
      result: _result,
      ...job
    } = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${made.id}`))
    expect(list.items).toEqual([{ ...job, name: 'soup' }])
    expect(job.progress?.done).toBe(job.progress?.total)
  })

  test('shows of a search the best score, the number of candidates and the winner', async () => {
    const client = evaluationClient(app.url)
    const models: { id: string }[] = []
    for (const index of [0, 1])
      models.push({ id: await client.addModel(await projectFile(`examples/digits/ft${index}.onnx`), `ft${index}`) })
    const { id: dataset } = await client.addDataset(await projectFile('examples/digits/val.npz'))
    const request = {
      models,
      strategy: { type: 'exhaustive' },
      selection: { dataset, metric: 'accuracy' },
      labels: { of: 'search' },
    }
    const search = await json<JobRecord>(await postJson(`${app.url}/v1/searches?wait=60`, request))
    if (search.type !== 'search' || !search.result) throw new Error(JSON.stringify(search))
    const { items } = await json<{ items: JobSummary[] }>(await fetch(`${app.url}/v1/jobs?label=of:search`))
    expect(items[0]).toMatchObject({
      id: search.id,
      search: { score: search.result.winner.score, candidates: 3, winner: search.result.model },
      progress: { done: 3, total: 3 },
    })
    expect(items[0]).not.toHaveProperty('result')
  })

  test('ends a page at 1 MB, and goes on with the next', async () => {
    const made: string[] = []
    for (let each = 0; each < 90; each += 1) {
      const response = await postJson(`${app.url}/v1/merges`, { models: [{ id: model }], labels })
      made.push((await json<JobRecord>(response)).id)
    }
    const listed = (await allItems('/v1/jobs')).map(({ id }) => id)
    expect(listed.filter(id => made.includes(id))).toEqual(made.toReversed())
    expect(new Set(listed).size).toBe(listed.length)
  })

  // The plan of SQLite. PostgreSQL keeps long texts outside of the rows.
  describe.skipIf(isClustered())('in SQLite', () =>
    test.each(['', '?status=succeeded', '?type=merge&status=failed', '?label=run:7'])(
      'reads no request and no result: %s',
      async query => {
        const plans: string[] = []
        const catalog = new DatabaseSync(join(app.data, 'catalog.sqlite'), { timeout: 5000 })
        const columns =
          'id, type, status, progress, error, created_at, started_at, finished_at, expires_at, attempts, name'
        for (const each of catalog
          .prepare(
            `explain query plan select ${columns}, search_summary from jobs where status || '' = 'x' and id < 'y' order by id desc`,
          )
          .all())
          plans.push(String(each['detail']))
        catalog.close()
        expect(plans.join()).toContain('COVERING INDEX jobs_listed')
        expect((await fetch(`${app.url}/v1/jobs${query}`)).status).toBe(200)
      },
    ),
  )
})

const withProducer = isClustered()
  ? "jsonb_set(description::jsonb, '{producer}', to_jsonb(?::text))::text"
  : "json_set(description, '$.producer', ?)"

test('the list of models ends a page at 1 MB; an item that has more comes alone', async () => {
  const ids: string[] = []
  for (let each = 0; each < 6; each += 1)
    ids.push((await uploadModel(app.url, linearModel([each, 9], [3, 4]), `name=m${each}`)).id)
  const bytes = (id: string, count: number) =>
    changeCatalog(app, `update models set description = ${withProducer} where id = ?`, ['p'.repeat(count), id])
  for (const id of ids.slice(0, 5)) await bytes(id, 400_000)
  await bytes(ids[5] ?? '', 1_500_000)
  const listed = (await allItems('/v1/models')).map(({ id }) => id)
  expect(listed.filter(id => ids.includes(id))).toEqual(ids.toReversed())
})
