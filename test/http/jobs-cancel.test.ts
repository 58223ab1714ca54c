import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import {
  expectNothingIncoming,
  json,
  merge,
  postJson,
  readProblem,
  removeContent,
  uploadModel,
} from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const cancelledError = (job: string) => ({ status: 409, code: 'TUREEN_JOB_CANCELLED', errors: [{ job }] })

/** Jobs for every thread there is, so that the next one has to queue. */
async function occupy(): Promise<{ job: JobRecord }[]> {
  const first = await startLongMerge(app.url)
  const others = Array.from({ length: availableParallelism() }, () => startLongMerge(app.url))
  return [first, ...(await Promise.all(others))]
}

describe('cancelling', () => {
  test('a running job answers 202; it is cancelled, with an error, and leaves nothing', async () => {
    const { job } = await startLongMerge(app.url, { name: 'never' })
    await untilStatus(app.url, job.id, 'running')
    const response = await cancelJob(app.url, job.id)
    const cancelled = await json<JobRecord>(response)
    expect(response.status).toBe(202)
    expect(cancelled).toMatchObject({ id: job.id, status: 'cancelled', error: cancelledError(job.id) })
    expect(cancelled).not.toHaveProperty('result')
    expect(cancelled.finishedAt).not.toBeNull()
    expect(await json(await fetch(`${app.url}/v1/jobs/${job.id}`))).toEqual(cancelled)
    await expectNothingIncoming(app.data)
    const { items } = await json<{ items: [] }>(await fetch(`${app.url}/v1/models?name=never`))
    expect(items).toEqual([])
  })

  test('a queued job means that it never starts', async () => {
    const running = await occupy()
    const { job } = await startLongMerge(app.url)
    expect(job.status).toBe('queued')
    expect(await json(await cancelJob(app.url, job.id))).toMatchObject({ status: 'cancelled', startedAt: null })
    for (const each of running) await cancelJob(app.url, each.job.id)
    const after = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${job.id}`))
    expect(after).toMatchObject({ status: 'cancelled', startedAt: null, error: cancelledError(job.id) })
  })

  test('makes room for the next job at once', async () => {
    for (const { job } of await occupy()) await cancelJob(app.url, job.id)
    const before = performance.now()
    const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]))
    expect((await merge(app.url, { models: [{ id }] })).status).toBe('succeeded')
    // Far less than the merges that were cancelled take, which is more than 20 s each.
    expect(performance.now() - before).toBeLessThan(15_000)
    await expectNothingIncoming(app.data)
  })

  test('a job that has succeeded is 409, and changes nothing', async () => {
    const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]))
    const job = await merge(app.url, { models: [{ id }] })
    const { detail } = await readProblem(await cancelJob(app.url, job.id), 409, 'TUREEN_JOB_FINISHED')
    expect(detail).toContain('succeeded')
    expect(await json(await fetch(`${app.url}/v1/jobs/${job.id}`))).toEqual(job)
  })

  test('twice leaves the job as it was after the first time', async () => {
    const { job } = await startLongMerge(app.url)
    const first = await json<JobRecord>(await cancelJob(app.url, job.id))
    const second = await cancelJob(app.url, job.id)
    expect(second.status).toBeOneOf([202, 409])
    expect(await json(await fetch(`${app.url}/v1/jobs/${job.id}`))).toEqual(first)
  })

  test('a job that there is not is 404', async () => {
    await readProblem(await cancelJob(app.url, 'nothing'), 404, 'TUREEN_NOT_FOUND')
  })

  test('minds neither a content type without a body nor an empty object', async () => {
    for (const body of [undefined, '{}']) {
      const { job } = await startLongMerge(app.url)
      const headers = { 'content-type': 'application/json' }
      const url = `${app.url}/v1/jobs/${job.id}/cancel`
      const response = await fetch(url, { method: 'POST', headers, ...(body ? { body } : {}) })
      const text = await response.text()
      await cancelJob(app.url, job.id)
      expect({ status: response.status, text }).toMatchObject({ status: 202 })
    }
  })
})

test('a job that fails has an error and no result, and ?wait answers 200 with it', async () => {
  const running = await occupy()
  const { id, sha256 } = await uploadModel(app.url, linearModel([7, 8], [9, 10]))
  const response = await postJson(`${app.url}/v1/merges`, { models: [{ id }], labels: { doomed: 'yes' } })
  const queued = await json<JobRecord>(response)
  expect(queued.status).toBe('queued')
  // Somebody deletes the content behind the server's back.
  await removeContent(app.data, sha256)
  for (const { job } of running) await cancelJob(app.url, job.id)
  const waited = await fetch(`${app.url}/v1/jobs/${queued.id}?wait=20`)
  expect(waited.status).toBe(200)
  const failed = await json<JobRecord>(waited)
  expect(failed).toMatchObject({
    status: 'failed',
    error: { status: expect.any(Number), code: expect.stringMatching(/^TUREEN_/), detail: expect.stringMatching(/\S/) },
  })
  expect(failed).not.toHaveProperty('result')
  await expectNothingIncoming(app.data)
})
