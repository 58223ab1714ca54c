import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesIn, json, merge, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

const hour = 3_600_000
let ahead = 0
let app: Awaited<ReturnType<typeof startApp>>
let npz: Buffer<ArrayBuffer>
beforeAll(async () => {
  npz = await projectFile('examples/digits/val.npz')
  app = await startApp({ TUREEN_SWEEP_SECONDS: '1', TUREEN_JOB_TTL: '36000' }, () => Date.now() + ahead)
})
afterAll(() => app.close())

type Expiring = { id: string; expiresAt: string | null }

async function uploadDataset(query: string): Promise<Expiring> {
  return json(await fetch(`${app.url}/v1/datasets?${query}`, { method: 'POST', body: npz }))
}

async function statusOf(path: string): Promise<number> {
  const response = await fetch(`${app.url}${path}`)
  await response.arrayBuffer()
  return response.status
}

/** Seconds from now on; a record that was just made has its ttl left. */
function secondsLeft({ expiresAt }: { expiresAt: string | null }): number {
  return (Date.parse(expiresAt ?? '') - Date.now()) / 1000
}

function expectAbout(seconds: number, wanted: number): void {
  expect(seconds).toBeGreaterThan(wanted - 30)
  expect(seconds).toBeLessThanOrEqual(wanted)
}

describe('ttl', () => {
  test('of an upload stands in the record as expiresAt, and null without', async () => {
    expectAbout(secondsLeft(await uploadModel(app.url, linearModel([1, 1], [1, 1]), 'name=a&ttl=7200')), 7200)
    expectAbout(secondsLeft(await uploadDataset('name=a&ttl=7200')), 7200)
    expect(await uploadModel(app.url, linearModel([1, 1], [1, 1]), 'name=b')).toMatchObject({ expiresAt: null })
    expect(await uploadDataset('name=b')).toMatchObject({ expiresAt: null })
  })

  test('of a second upload of the same lengthens its life, and never shortens it', async () => {
    const upload = (query: string) => uploadModel(app.url, linearModel([2, 1], [1, 1]), `name=again&${query}`)
    const first = await upload('ttl=7200')
    const shorter = await upload('ttl=60')
    expect(shorter).toEqual(first)
    const longer = await upload('ttl=9000')
    expect(longer.id).toBe(first.id)
    expectAbout(secondsLeft(longer), 9000)
    expect((await upload('')).expiresAt).toBeNull()
    expect((await upload('ttl=60')).expiresAt).toBeNull()
  })

  test('of a merge is that of its job, from its end on, and of the model that it makes', async () => {
    const { id } = await uploadModel(app.url, linearModel([3, 1], [1, 1]))
    const job = await merge(app.url, { models: [{ id }], ttl: 5000 })
    expect(Date.parse(job.expiresAt ?? '') - Date.parse(job.finishedAt ?? '')).toBe(5_000_000)
    const model = await json<Expiring>(await fetch(`${app.url}/v1/models/${job.result?.model.id}`))
    expectAbout(secondsLeft(model), 5000)
  })

  test('that a job does not say is that of the server, for the job alone', async () => {
    const { id } = await uploadModel(app.url, linearModel([3, 1], [1, 1]))
    const job = await merge(app.url, { models: [{ id }], name: 'kept' })
    expect(Date.parse(job.expiresAt ?? '') - Date.parse(job.finishedAt ?? '')).toBe(36_000_000)
    const model = await json<Expiring>(await fetch(`${app.url}/v1/models/${job.result?.model.id}`))
    expect(model.expiresAt).toBeNull()
  })

  test.each(['0', '-1', '1.5', 'P1D', '99999999999'])('that is no number of seconds is 400: %s', async ttl => {
    const upload = await fetch(`${app.url}/v1/models?ttl=${ttl}`, { method: 'POST', body: linearModel([1], [1]) })
    expect((await readProblem(upload, 400, 'TUREEN_REQUEST_INVALID')).errors).toMatchObject([{ field: 'ttl' }])
    const posted = await postJson(`${app.url}/v1/merges`, { models: [{ id: 'a' }], ttl: Number(ttl) })
    expect((await readProblem(posted, 400, 'TUREEN_REQUEST_INVALID')).errors).toMatchObject([{ field: 'ttl' }])
  })
})

describe('DELETE of a job', () => {
  test('that has ended leaves the model that it made', async () => {
    const { id } = await uploadModel(app.url, linearModel([4, 1], [1, 1]))
    const job = await merge(app.url, { models: [{ id }], labels: { a: 'b' } })
    expect((await fetch(`${app.url}/v1/jobs/${job.id}`, { method: 'DELETE' })).status).toBe(204)
    for (const path of ['', '/events'])
      await readProblem(await fetch(`${app.url}/v1/jobs/${job.id}${path}`), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await fetch(`${app.url}/v1/jobs/${job.id}`, { method: 'DELETE' }), 404, 'TUREEN_NOT_FOUND')
    expect(await statusOf(`/v1/models/${job.result?.model.id}/recipe`)).toBe(200)
  })
})

describe('what has expired', () => {
  test('is deleted with its content, and what needs it is waited for', async () => {
    const short = await uploadModel(app.url, linearModel([5, 1], [1, 1]), 'name=short&ttl=3600')
    const long = await uploadModel(app.url, linearModel([5, 2], [1, 1]), 'name=long&ttl=10800')
    const data = await uploadDataset('name=short&ttl=3600')
    // Before the long merges, for whose end it might have to wait.
    const soup = await merge(app.url, { models: [{ id: short.id }], name: 'soup', ttl: 1800 })
    const { job, model: used } = await startLongMerge(app.url)
    await untilStatus(app.url, job.id, 'running')
    await readProblem(await fetch(`${app.url}/v1/jobs/${job.id}`, { method: 'DELETE' }), 409, 'TUREEN_IN_USE')
    const content = await fetch(`${app.url}/v1/models/${used.id}/content`)
    const running = await uploadModel(app.url, new Uint8Array(await content.arrayBuffer()), 'name=used&ttl=3600')
    const models = Array.from({ length: 128 }, () => ({ id: running.id }))
    const second = await postJson(`${app.url}/v1/merges`, { models, normalize: false })
    const { id: secondId } = await json<{ id: string }>(second)

    ahead = 2 * hour
    const expired = [
      `/v1/models/${short.id}`,
      `/v1/datasets/${data.id}`,
      `/v1/jobs/${soup.id}`,
      `/v1/models/${soup.result?.model.id}`,
    ]
    for (const path of expired) await until(`${path} is gone`, async () => (await statusOf(path)) === 404)
    expect(await statusOf(`/v1/models/${long.id}`)).toBe(200)
    expect(await statusOf(`/v1/models/${running.id}`)).toBe(200)
    // The record goes first, and then its content.
    const file = short.sha256.replace('sha256:', '')
    await until('its content is gone', async () => !(await filesIn(app.data, 'content')).includes(file))

    await cancelJob(app.url, job.id)
    await cancelJob(app.url, secondId)
    await until('what was needed is gone', async () => (await statusOf(`/v1/models/${running.id}`)) === 404)
    expect(await statusOf(`/v1/models/${used.id}`)).toBe(200)
  })
})
