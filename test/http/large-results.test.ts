import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { digits, json, uploadModel } from '../support/http-client.ts'
import { projectFile } from '../support/server.ts'
import { startWatched, type WatchedServer } from '../support/watched-server.ts'

/** Milliseconds of processor time. */
const boundMilliseconds = 50

/** As many as an exhaustive search over 12 models has. */
const candidateCount = 4095
const jobCount = 200
const partCharacters = 250_000

let server: WatchedServer
let id: string
let whole: JobRecord
beforeAll(async () => {
  server = await startWatched()
  const models: { id: string }[] = []
  for (const path of digits(0, 1)) models.push({ id: (await uploadModel(server.url, await projectFile(path))).id })
  const uploaded = await fetch(`${server.url}/v1/datasets`, {
    method: 'POST',
    body: await projectFile('examples/digits/val.npz'),
  })
  const { id: dataset } = await json<{ id: string }>(uploaded)
  const request = { models, strategy: { type: 'exhaustive' }, selection: { dataset, metric: 'accuracy' } }
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'search' }
  const body = JSON.stringify(request)
  const response = await fetch(`${server.url}/v1/searches?wait=60`, { method: 'POST', headers, body })
  const job = await json<JobRecord>(response)
  if (job.type !== 'search' || !job.result) throw new Error(JSON.stringify(job))
  id = job.id
  const [candidate] = job.result.candidates
  if (!candidate) throw new Error('a search without candidates')
  const twelve = { ...candidate, models: Array(6).fill(models[0]?.id), weights: Array(6).fill(1 / 6) }
  const result = { ...job.result, candidates: Array.from({ length: candidateCount }, () => twelve) }
  const total = { done: candidateCount, total: candidateCount }
  whole = { ...job, result, progress: { message: 'finished', ...job.progress, ...total } }
  enlarge(JSON.stringify(result))
})
afterAll(() => server.stop())

/** Gives the search a large result, and makes 200 jobs of it. */
function enlarge(result: string): void {
  const catalog = new DatabaseSync(join(server.data, 'catalog.sqlite'), { timeout: 5000 })
  catalog.exec('begin')
  const count = Math.ceil(result.length / partCharacters)
  catalog.exec(`delete from job_result_parts where job_id = '${id}'`)
  const insert = catalog.prepare('insert into job_result_parts (job_id, part, text) values (?, ?, ?)')
  for (let part = 0; part < count; part += 1)
    insert.run(id, part, result.slice(part * partCharacters, (part + 1) * partCharacters))
  const update = `update jobs set result_parts = ?,
    search_summary = json_set(search_summary, '$.candidates', ?) where id = ?`
  catalog.prepare(update).run(count, candidateCount, id)
  const columns = ['type', 'status', 'request', 'progress', 'error', 'created_at', 'started_at', 'finished_at']
  const copied = [...columns, 'expires_at', 'name', 'search_summary', 'result_parts'].join()
  for (let copy = 1; copy < jobCount; copy += 1) {
    const other = id.replace(/.{12}$/, String(copy).padStart(12, '0'))
    catalog.prepare(`insert into jobs (id, ${copied}) select ?, ${copied} from jobs where id = ?`).run(other, id)
    catalog.exec(
      `insert into job_result_parts select '${other}', part, text from job_result_parts where job_id = '${id}'`,
    )
  }
  catalog.exec('commit')
  catalog.close()
}

test.each(['', '?wait=1'])('GET of a job with a large result%s answers with all of it', async query => {
  const response = await fetch(`${server.url}/v1/jobs/${id}${query}`)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const text = await response.text()
  expect(text.length).toBeGreaterThan(1_000_000)
  expect(text.endsWith('}\n')).toBe(true)
  expect(JSON.parse(text)).toEqual(whole)
})

test('it has an entity tag: 304 for a client that has it, and If-Match for its deletion', async () => {
  const head = await fetch(`${server.url}/v1/jobs/${id}`, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  const tag = head.headers.get('etag') ?? ''
  expect(tag).toMatch(/^"[0-9a-f]{64}"$/)
  const known = await fetch(`${server.url}/v1/jobs/${id}`, { headers: { 'if-none-match': tag } })
  expect([known.status, await known.text()]).toEqual([304, ''])
  const other = await fetch(`${server.url}/v1/jobs/${id}`, { method: 'DELETE', headers: { 'if-match': '"other"' } })
  expect(other.status).toBe(412)
})

test('the last event has the job with all of its result', async () => {
  const events = await (await fetch(`${server.url}/v1/jobs/${id}/events`)).text()
  const last = events.trimEnd().split('\n\n').at(-1) ?? ''
  expect(last).toMatch(/^id: \d+\nevent: done\ndata: \{/)
  expect(JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? '')).toEqual(whole)
})

test('a request that is repeated with its key has it again', async () => {
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'search' }
  const { models, strategy, selection } = whole.request as Record<string, unknown>
  const request = { models, strategy: { type: 'exhaustive' }, selection }
  expect(strategy).toMatchObject(request.strategy)
  const body = JSON.stringify(request)
  const response = await fetch(`${server.url}/v1/searches?wait=60`, { method: 'POST', headers, body })
  expect([response.status, response.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
  expect(await json(response)).toEqual(whole)
})

test('200 such jobs are listed, read at once and watched without a stall, and the catalog lives on', async () => {
  const list = await (await fetch(`${server.url}/v1/jobs?limit=500`)).text()
  expect(list.length).toBeLessThan(1_000_100)
  const { items }: { items: { id: string }[] } = JSON.parse(list)
  expect(items).toHaveLength(jobCount)
  const stall = await server.longestStall(async () => {
    const read = async (path: string) => (await (await fetch(`${server.url}${path}`)).arrayBuffer()).byteLength
    const paths = items.slice(0, 40).map(item => `/v1/jobs/${item.id}`)
    const lists = Array.from({ length: 20 }, () => '/v1/jobs?limit=500')
    for (const bytes of await Promise.all([...paths, ...lists].map(read))) expect(bytes).toBeGreaterThan(50_000)
  })
  expect(stall).toBeLessThan(boundMilliseconds)
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  const removed = await fetch(`${server.url}/v1/jobs/${id}`, { method: 'DELETE' })
  expect(removed.status).toBe(204)
  const catalog = new DatabaseSync(join(server.data, 'catalog.sqlite'), { timeout: 5000 })
  expect(catalog.prepare('select count(*) as rows from job_result_parts where job_id = ?').get(id)).toEqual({ rows: 0 })
  catalog.close()
})
