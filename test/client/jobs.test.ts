import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allItems, createClient, type JobStreamEvent, resultOf } from '../../client/index.ts'
import type { JobProgress } from '../../schemas/job.ts'
import { cancelJob, startLongMerge } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const retry = { minSeconds: 0.01, maxSeconds: 0.05 }
let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof createClient>
let models: { id: string }[]
beforeAll(async () => {
  app = await startApp()
  client = createClient({ url: app.url, retry })
  models = []
  for (const weight of [1, 3])
    models.push({
      id: (await client.createModel({ file: linearModel([weight], [weight]), labels: { of: 'mean' } })).id,
    })
})
afterAll(() => app.close())

describe('a job', () => {
  test('is started, awaited and read with its types', async () => {
    const job = await client.createMerge({ models: { label: 'of:mean' }, name: 'mean' })
    const { model, report } = resultOf(await client.wait(job))
    expect(report.tensors.averaged).toBe(2)
    const made = await client.getModel(model.id)
    expect(made).toMatchObject({ name: 'mean', sha256: model.sha256 })
    const recipe = await client.getModelRecipe(model.id)
    expect(recipe.models).toHaveLength(2)
    const yaml = await client.getModelRecipe(model.id, { as: 'yaml' })
    expect(yaml).toContain('method: linear')
    expect(resultOf(await client.wait(await client.createMerge(yaml))).model.sha256).toBe(model.sha256)
    expect(await client.wait(job.id)).toMatchObject({ id: job.id, status: 'succeeded' })
    expect((await client.listModelTensors(model.id)).items.map(({ name }) => name)).toEqual(['W', 'b'])
    expect(await client.listModelScores(model.id)).toEqual({ items: [], nextCursor: null })
    await client.deleteJob(job.id)
    await expect(client.getJob(job.id)).rejects.toMatchObject({ status: 404, code: 'TUREEN_NOT_FOUND' })
    await expect(client.wait(job)).rejects.toMatchObject({ code: 'TUREEN_NOT_FOUND' })
  })

  test('is the answer itself if the request waits', async () => {
    const job = await client.createComparison({ models }, { wait: 30 })
    expect(resultOf(job).pairs).toHaveLength(1)
    expect(await client.getJob(job.id, { wait: 0 })).toEqual(job)
  })

  test('that failed is its problem', async () => {
    const { id } = await client.createModel({ file: linearModel([Number.NaN], [1]) })
    const job = await client.createMerge({ models: [{ id }, ...models], onNonFinite: 'fail' })
    for (const by of ['events', 'polls'] as const) {
      const ended = await client.wait(job, { by })
      expect(ended.status).toBe('failed')
      expect(() => resultOf(ended)).toThrow(expect.objectContaining({ code: 'TUREEN_NOT_FINITE', status: 422 }))
    }
  })

  test('of another type than the caller expects is an error', async () => {
    const { id } = await client.createMerge({ models })
    await expect(client.wait({ id, type: 'search' })).rejects.toThrow(`Job ${id} is a job of the type merge.`)
  })

  test('is in lists, which go page by page', async () => {
    const { items, nextCursor } = await client.listJobs({ limit: 1, type: 'merge' })
    expect(items).toHaveLength(1)
    expect(nextCursor).not.toBeNull()
    const all = []
    for await (const job of allItems(page => client.listJobs({ ...page, limit: 1, status: 'succeeded' }))) all.push(job)
    expect(all).toEqual((await client.listJobs({ status: 'succeeded' })).items)
    expect((await client.listModels({ label: { of: 'mean' }, limit: 500 })).items).toHaveLength(2)
  })
})

describe('waiting for a job that runs', () => {
  test('goes on when the connection breaks, with each event once, and sees the cancel', async () => {
    const proxy = await startTcpProxy(app.url)
    const through = createClient({ url: `http://127.0.0.1:${proxy.port}`, retry })
    const { job } = await startLongMerge(app.url)
    const events: JobStreamEvent[] = []
    const progress: JobProgress[] = []
    const ended = through.wait(job.id, {
      onProgress: each => progress.push(each),
      onEvent(event) {
        events.push(event)
        if (events.length <= 2) void proxy.endAll()
        if (events.length === 3) void cancelJob(app.url, job.id)
      },
    })
    expect(await ended).toMatchObject({ id: job.id, status: 'cancelled', error: { code: 'TUREEN_JOB_CANCELLED' } })
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
    expect(events.at(-1)).toMatchObject({ type: 'done' })
    expect(progress.length).toBeGreaterThan(0)
    await proxy.close()
  })

  test('polls if there is no event stream', async () => {
    const asked: string[] = []
    const polling = createClient({
      url: app.url,
      retry: { ...retry, retries: 1 },
      transport: async ({ url, ...request }) => {
        asked.push(url)
        if (url.endsWith('/events')) return new Response('<html>', { status: 502 })
        return fetch(url, request)
      },
    })
    const job = await polling.createMerge({ models })
    expect(await polling.wait(job)).toMatchObject({ status: 'succeeded' })
    expect(asked.filter(url => url.endsWith('/events')).length).toBeGreaterThan(1)
  })

  test('goes on while the server does not answer for some time', async () => {
    const proxy = await startTcpProxy(app.url)
    const through = createClient({ url: `http://127.0.0.1:${proxy.port}`, retry: { ...retry, retries: 0 } })
    const { job } = await startLongMerge(app.url)
    const ended = through.wait(job.id)
    proxy.refuse(true)
    await proxy.endAll()
    setTimeout(() => proxy.refuse(false), 200)
    await client.cancelJob(job.id)
    expect(await ended).toMatchObject({ status: 'cancelled' })
    await proxy.close()
  })

  test('ends when the caller says so, and the job goes on', async () => {
    const { job } = await startLongMerge(app.url)
    for (const by of ['events', 'polls'] as const) {
      const end = new AbortController()
      const ended = client.wait(job.id, { by, signal: end.signal })
      setTimeout(() => end.abort(new Error('enough')), 50)
      await expect(ended).rejects.toThrow('enough')
    }
    expect(await client.getJob(job.id)).toMatchObject({ finishedAt: null })
    const cancelled = await client.cancelJob(job.id)
    expect(cancelled).toMatchObject({ id: job.id })
    const events = []
    for await (const event of client.getJobEvents(job.id)) events.push(event)
    const last = events.at(-1)
    expect(last).toMatchObject({ type: 'done', job: { status: 'cancelled' } })
    const more = client.getJobEvents(job.id, { lastEventId: last?.id ?? '' })
    expect(await more.next()).toEqual({ done: true, value: undefined })
  })
})
