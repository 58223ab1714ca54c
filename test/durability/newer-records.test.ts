import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Filled, fill } from '../support/filled-store.ts'
import { json, type MergeJob, merge, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

// A newer version of Tureen wrote parts of this catalog: documents of version 2, unknown fields and an unknown job type.
// Then the older version serves the store again.

type Item = { id: string; status?: string; type?: string | null; unreadable?: string; recipe?: object }

const newer = /newer/

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
let records: Filled
let soup: string
let ended: MergeJob[]
let waiting: { newer: string; typed: string; failed: string; running: string; known: string }
const logs: string[] = []
const keyed = { key: randomUUID(), name: 'of a newer version' }

const uploadWithKey = (url: string) =>
  fetch(`${url}/v1/models?name=${encodeURIComponent(keyed.name)}`, {
    method: 'POST',
    headers: { 'idempotency-key': keyed.key },
    body: linearModel([9], [9]),
  })

/** Changes the catalog as a newer version would have written it. */
function rewrite(data: string): void {
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  const run = (sql: string, ...values: string[]) =>
    expect({ sql, changed: Number(catalog.prepare(sql).run(...values).changes) > 0 }).toEqual({ sql, changed: true })
  const later = (column: string) => `${column} = '{"documentVersion":9,"renamed":true,' || substr(${column}, 2)`
  const copy = (like: MergeJob | undefined, status: string, attempts: number) => {
    const id = `${like?.id.slice(0, -12)}${randomUUID().slice(-12)}`
    run(
      `insert into jobs (id, type, status, request, attempts, created_at, started_at)
      select '${id}', type, '${status}', request, ${attempts}, created_at, started_at from jobs where id = ?`,
      String(like?.id),
    )
    run(`insert into job_inputs (job_id, input_id) values ('${id}', ?)`, records.b.id)
    return id
  }
  const [request, result, type, progress, unknown, large] = ended.map(({ id }) => id)
  waiting = {
    newer: copy(ended[4], 'queued', 0),
    typed: copy(ended[4], 'queued', 0),
    failed: copy(ended[4], 'queued', 1),
    running: copy(ended[4], 'running', 3),
    known: copy(ended[4], 'queued', 0),
  }
  run(`update models set ${later('description')} where id = ?`, records.a.id)
  run(
    "update models set recipe = json_set(recipe, '$.new', json('{\"a\":1}'), '$.models[0].new', 1) where id = ?",
    soup,
  )
  run(`update datasets set ${later('description')} where id = ?`, records.val.id)
  run(`update jobs set ${later('request')} where id = ?`, String(request))
  run(`update job_result_parts set ${later('text')} where job_id = ?`, String(result))
  run(`update job_result_parts set ${later('text')} where job_id = ?`, String(large))
  run(
    'insert into job_result_parts select job_id, 1, substr(text, 100) from job_result_parts where job_id = ?',
    String(large),
  )
  run('update job_result_parts set text = substr(text, 1, 99) where part = 0 and job_id = ?', String(large))
  run('update jobs set result_parts = 2 where id = ?', String(large))
  run("update jobs set type = 'distillation' where id = ?", String(type))
  run(`update jobs set progress = '{"documentVersion":9,"steps":[]}' where id = ?`, String(progress))
  run("update jobs set request = json_set(request, '$.new', 1, '$.models[0].new', 1) where id = ?", String(unknown))
  run(`update jobs set ${later('request')} where id in (?, ?)`, waiting.newer, waiting.running)
  run("update jobs set type = 'distillation' where id = ?", waiting.typed)
  run(`update jobs set last_failure = '{"documentVersion":9,"worker":"b"}' where id = ?`, waiting.failed)
  run("update jobs set request = json_set(request, '$.new', 1) where id = ?", waiting.known)
  run(`update idempotency_keys set ${later('outcome')} where key = ?`, keyed.key)
  catalog.close()
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  const older = await startApp({ TUREEN_DATA: data })
  records = await fill(older.url)
  ended = []
  for (let index = 0; index < 6; index += 1)
    ended.push(await merge(older.url, { models: [{ id: records.a.id }, { id: records.b.id }], name: `soup ${index}` }))
  soup = String(ended[4]?.result?.model.id)
  expect((await uploadWithKey(older.url)).status).toBe(201)
  await older.close()
  rewrite(data)
  app = await startApp({ TUREEN_DATA: data, TUREEN_LOG_LEVEL: 'warn', TUREEN_SWEEP_SECONDS: '1' }, undefined, logs)
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const list = async (kind: string) =>
  (await json<{ items: Item[] }>(await fetch(`${app.url}/v1/${kind}?limit=100`))).items
const read = async (kind: string, id: string) => json<Item>(await fetch(`${app.url}/v1/${kind}/${id}`))
const remove = async (kind: string, id: string) =>
  (await fetch(`${app.url}/v1/${kind}/${id}`, { method: 'DELETE' })).status

test('a record of a newer version is one unreadable item that says so, and the others are as they were', async () => {
  for (const kind of ['models', 'datasets'] as const) {
    const items = await list(kind)
    for (const item of items) expect(await read(kind, item.id)).toEqual(item)
    expect(items.filter(({ unreadable }) => unreadable !== undefined)).toEqual([
      expect.objectContaining({
        id: kind === 'models' ? records.a.id : records.val.id,
        unreadable:
          'its description was written by a newer version of Tureen (document version 9; this version knows 1). Start that version again, or delete the record',
      }),
    ])
  }
  expect(await read('models', records.b.id)).toEqual(records.b)
})

test('a job of a newer version is one unreadable item, and lists and the usage of the store go on around it', async () => {
  const [request, result, type, progress, unknown, large] = ended.map(({ id }) => id)
  for (const id of [request, result, type, progress, large])
    expect(await read('jobs', String(id))).toMatchObject({
      id,
      status: 'succeeded',
      unreadable: expect.stringMatching(newer),
    })
  expect(await read('jobs', String(type))).toMatchObject({ type: null })
  expect(await read('jobs', String(unknown))).toEqual(ended[4])
  const items = await list('jobs')
  expect(items).toHaveLength(11)
  // Lists read neither requests nor results.
  const unreadable = items.filter(item => item.unreadable !== undefined).map(({ id }) => id)
  expect(unreadable.toSorted()).toEqual([type, progress, waiting.typed].map(String).toSorted())
  const usage = await fetch(`${app.url}/v1/usage`)
  expect(usage.status).toBe(200)
  const metrics = await fetch(`${app.url}/metrics`)
  expect(await metrics.text()).toContain('tureen_jobs{type="distillation",status="succeeded"} 1')
})

test('a recipe with unknown fields is shown without them, and makes its soup again', async () => {
  expect(await read('models', soup)).toMatchObject({ status: 'complete', lineage: expect.anything() })
  const response = await fetch(`${app.url}/v1/models/${soup}/recipe`)
  expect(response.status).toBe(200)
  const recipe = await json<{ models: object[] }>(response)
  expect(recipe).not.toHaveProperty('new')
  expect(recipe.models[0]).not.toHaveProperty('new')
})

test('an unfinished job of a newer version is neither run nor failed nor removed, and the log says so', async () => {
  await until('the known job', async () => (await read('jobs', waiting.known)).status !== 'queued')
  await until('the known job', async () => (await read('jobs', waiting.known)).status !== 'running')
  for (const [id, status] of [
    [waiting.newer, 'queued'],
    [waiting.typed, 'queued'],
    [waiting.failed, 'queued'],
    [waiting.running, 'running'],
  ] as const) {
    expect(await read('jobs', id)).toMatchObject({ status, unreadable: expect.stringMatching(newer) })
    expect(await remove('jobs', id)).toBe(409)
    expect(logs.filter(line => line.includes(id) && newer.test(line))).toHaveLength(1)
  }
  expect(await remove('models', records.b.id)).toBe(409)
})

test('a client can cancel and delete a queued job of a newer version', async () => {
  const response = await fetch(`${app.url}/v1/jobs/${waiting.newer}/cancel`, { method: 'POST' })
  expect(response.status).toBe(202)
  expect(await json<Item>(response)).toMatchObject({ status: 'cancelled', unreadable: expect.stringMatching(newer) })
  expect(await remove('jobs', waiting.newer)).toBe(204)
})

test('what needs a record of a newer version is refused with the reason, and the same upload makes a new record', async () => {
  const refused = await postJson(`${app.url}/v1/merges`, { models: [{ id: records.a.id }] })
  const { detail } = await readProblem(refused, 500, 'TUREEN_RECORD_UNREADABLE')
  expect(detail).toBe(
    `The record of the model ${records.a.id} cannot be read: its description was written by a newer version of Tureen (document version 9; this version knows 1). Start that version again, or delete the record.`,
  )
  const again = await uploadModel(app.url, linearModel([0.5], [1]), 'name=a&label=run:1')
  expect(again.id).not.toBe(records.a.id)
})

test('a key with the outcome of a newer version creates nothing twice', async () => {
  await readProblem(await uploadWithKey(app.url), 500, 'TUREEN_RECORD_UNREADABLE')
  expect((await list('models')).filter(item => 'name' in item && item.name === keyed.name)).toHaveLength(1)
})

test('records of a newer version expire and can be deleted as others', async () => {
  const catalog = new DatabaseSync(join(app.data, 'catalog.sqlite'), { timeout: 5000 })
  const past = '2026-01-01T00:00:00.000Z'
  catalog.prepare('update datasets set expires_at = ? where id = ?').run(past, records.val.id)
  catalog.prepare('update jobs set expires_at = ? where id = ?').run(past, String(ended[2]?.id))
  catalog.close()
  await until('the sweep', async () => (await list('datasets')).length === 0)
  await until('the sweep', async () => (await list('jobs')).every(({ id }) => id !== ended[2]?.id))
  expect(await remove('jobs', String(ended[0]?.id))).toBe(204)
})
