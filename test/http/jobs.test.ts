import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord, JobSummary } from '../../schemas/job.ts'
import { json, merge, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

type Page = { items: JobSummary[]; nextCursor: string | null }

let app: Awaited<ReturnType<typeof startApp>>
let models: { id: string; weight: number }[]

beforeAll(async () => {
  app = await startApp()
  const records = [
    await uploadModel(app.url, linearModel([1, 2, 3, 4], [5, 6])),
    await uploadModel(app.url, linearModel([3, 2, 1, 0], [7, 8])),
  ]
  models = records.map(({ id }) => ({ id, weight: 0.5 }))
})
afterAll(() => app.close())

async function list(query: string): Promise<Page> {
  const response = await fetch(`${app.url}/v1/jobs?${query}`)
  expect(response.status).toBe(200)
  return json<Page>(response)
}

/** A job that has ended has exactly one of result and error. */
function expectEnded(job: JobRecord, status: JobRecord['status']): void {
  expect(job.status).toBe(status)
  expect(['result', 'error'].filter(key => key in job)).toEqual([status === 'succeeded' ? 'result' : 'error'])
  for (const time of [job.createdAt, job.finishedAt]) expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  expect(Date.parse(job.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(job.startedAt ?? job.createdAt))
}

describe('starting a job', () => {
  test('answers 202 with the job and where it is', async () => {
    const response = await postJson(`${app.url}/v1/merges`, { models, labels: { run: '7' }, name: 'soup' })
    const job = await json<JobRecord>(response)
    expect(response.status).toBe(202)
    expect(response.headers.get('location')).toBe(`/v1/jobs/${job.id}`)
    expect(job).toMatchObject({ type: 'merge', labels: { run: '7' }, request: { models, name: 'soup' } })
    expect(job.status).toBeOneOf(['queued', 'running'])
    expect(job.finishedAt).toBeNull()
    expect(job).not.toHaveProperty('result')
    expect(job).not.toHaveProperty('error')
    const ended = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${job.id}?wait=20`))
    expectEnded(ended, 'succeeded')
    expect(await json(await fetch(`${app.url}${response.headers.get('location')}`))).toEqual(ended)
  })

  test('with ?wait answers 200 with the job when it has ended', async () => {
    const response = await postJson(`${app.url}/v1/merges?wait=20`, { models })
    const job = await json<JobRecord>(response)
    expect(response.status).toBe(200)
    expect(response.headers.get('location')).toBe(`/v1/jobs/${job.id}`)
    expectEnded(job, 'succeeded')
  })

  test('with ?wait answers 202 when it still runs then', async () => {
    const { job } = await startLongMerge(app.url)
    const before = performance.now()
    const response = await postJson(`${app.url}/v1/merges?wait=0.3`, job.request)
    const second = await json<JobRecord>(response)
    expect(response.status).toBe(202)
    expect(second.status).toBeOneOf(['queued', 'running'])
    expect(performance.now() - before).toBeGreaterThanOrEqual(290)
    for (const { id } of [job, second]) await cancelJob(app.url, id)
  })

  test.each(['-1', 'soon', 'Infinity', '1e3', ''])('with ?wait=%s is refused', async wait => {
    const response = await postJson(`${app.url}/v1/merges?wait=${wait}`, { models })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toBe('wait')
  })
})

describe('waiting for a job', () => {
  test('answers as soon as it ends', async () => {
    const { job } = await startLongMerge(app.url)
    const waiting = fetch(`${app.url}/v1/jobs/${job.id}?wait=45`)
    await untilStatus(app.url, job.id, 'running')
    const before = performance.now()
    await cancelJob(app.url, job.id)
    expectEnded(await json<JobRecord>(await waiting), 'cancelled')
    // A busy machine is late with it, but not by the time that is left of the wait.
    expect(performance.now() - before).toBeLessThan(20_000)
  })

  test('answers 202 with the job as it is when the time is over', async () => {
    const { job } = await startLongMerge(app.url)
    const response = await fetch(`${app.url}/v1/jobs/${job.id}?wait=0.2`)
    await cancelJob(app.url, job.id)
    expect(response.status).toBe(202)
    expect((await json<JobRecord>(response)).finishedAt).toBeNull()
  })

  test('tells how far it is', async () => {
    const { job } = await startLongMerge(app.url)
    let { progress } = await untilStatus(app.url, job.id, 'running')
    for (let tries = 0; progress === null && tries < 100; tries += 1)
      progress = (await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${job.id}?wait=0.2`))).progress
    await cancelJob(app.url, job.id)
    expect(progress).toMatchObject({ message: expect.stringMatching(/\S/) })
    expect(progress?.total).toBeGreaterThan(4_000_000)
    expect(progress?.done).toBeLessThanOrEqual(progress?.total ?? 0)
  })
})

describe('the list of jobs', () => {
  test('has the newest first, in pages, each once', async () => {
    const made: string[] = []
    for (let count = 0; count < 5; count += 1)
      made.unshift((await merge(app.url, { models, labels: { set: 'pages', count: String(count) } })).id)
    const found: JobSummary[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''
      const page: Page = await list(`label=set:pages&limit=2${query}`)
      found.push(...page.items)
      cursor = page.nextCursor
    }
    expect(found.map(({ id }) => id)).toEqual(made)
    const {
      request: _request,
      result: _result,
      ...job
    } = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${made[0]}`))
    expect(found[0]).toEqual({ ...job, name: null })
  })

  test('is filtered by status, type and labels', async () => {
    // In this order: behind the long one, the short one might have to wait for its end.
    const done = await merge(app.url, { models, labels: { set: 'filters', kind: 'short' } })
    const { job } = await startLongMerge(app.url, { labels: { set: 'filters', kind: 'long' } })
    await untilStatus(app.url, job.id, 'running')
    const ids = async (query: string) => (await list(query)).items.map(({ id }) => id)
    expect(await ids('label=set:filters')).toEqual([job.id, done.id])
    expect(await ids('label=set:filters&label=kind:long')).toEqual([job.id])
    expect(await ids('label=set:filters&status=running')).toEqual([job.id])
    expect(await ids('label=set:filters&status=succeeded&type=merge')).toEqual([done.id])
    expect(await ids('label=set:filters&status=failed')).toEqual([])
    await cancelJob(app.url, job.id)
    expect(await ids('label=set:filters&status=cancelled')).toEqual([job.id])
  })

  test.each([
    ['status=done', 'status'],
    ['type=magic', 'type'],
    ['limit=501', 'limit'],
    ['label=run', 'label'],
    ['cursor=nonsense', 'cursor'],
  ])('refuses %s', async (query, field) => {
    const response = await fetch(`${app.url}/v1/jobs?${query}`)
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toBe(field)
  })
})

test.each(['', '/events'])('a job that there is not is 404: GET /v1/jobs/nothing%s', async place => {
  await readProblem(await fetch(`${app.url}/v1/jobs/nothing${place}`), 404, 'TUREEN_NOT_FOUND')
})
