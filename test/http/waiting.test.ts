import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { waitOf } from '../../src/http/waiting.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let models: { id: string }[]
let diverged: { id: string }[]
beforeAll(async () => {
  app = await startApp()
  const upload = async (weights: number[]) => ({ id: (await uploadModel(app.url, linearModel(weights, [1, 2]))).id })
  models = [await upload([1, 2, 3, 4]), await upload([3, 2, 1, 0])]
  diverged = [await upload([1, Number.NaN, 3, 4])]
})
afterAll(() => app.close())

/** The headers that tell about a job and the wait for it; null for those that are absent. */
const told = ({ headers }: Response) => ({
  waited: headers.get('tureen-waited'),
  applied: headers.get('preference-applied'),
  status: headers.get('tureen-job-status'),
})

function start(query: string, headers: Record<string, string> = {}, body: object = { models }): Promise<Response> {
  const own = { 'content-type': 'application/json', ...headers }
  return fetch(`${app.url}/v1/merges?${query}`, { method: 'POST', headers: own, body: JSON.stringify(body) })
}

describe('?wait', () => {
  test.each([
    ['45', null],
    ['45.5', '45'],
    ['60', '45'],
    ['86400', '45'],
    ['9'.repeat(40), '45'],
  ])('=%s tells in Tureen-Waited: %s', async (wait, waited) => {
    const response = await start(`wait=${wait}`)
    expect(response.status).toBe(200)
    expect(told(response)).toEqual({ waited, applied: null, status: 'succeeded' })
    const { id } = await json<JobRecord>(response)
    expect(told(await fetch(`${app.url}/v1/jobs/${id}?wait=${wait}`))).toEqual(told(response))
  })
})

describe('Prefer: wait', () => {
  test('is taken like ?wait, and answered with Preference-Applied', async () => {
    const response = await start('', { prefer: 'respond-async, wait=30' })
    expect(response.status).toBe(200)
    expect(told(response)).toEqual({ waited: null, applied: 'wait=30', status: 'succeeded' })
    const { id } = await json<JobRecord>(response)
    const got = await fetch(`${app.url}/v1/jobs/${id}`, { headers: { prefer: 'wait=300' } })
    expect(told(got)).toEqual({ waited: '45', applied: 'wait=45', status: 'succeeded' })
  })

  test('waits until the job ends', async () => {
    const { job } = await startLongMerge(app.url)
    const waiting = fetch(`${app.url}/v1/jobs/${job.id}`, { headers: { prefer: 'wait=30' } })
    const early = await fetch(`${app.url}/v1/jobs/${job.id}`, { headers: { prefer: 'wait=1' } })
    expect(early.status).toBe(202)
    expect(told(early)).toMatchObject({ applied: 'wait=1', status: expect.stringMatching(/queued|running/) })
    expect(told(await cancelJob(app.url, job.id))).toMatchObject({ status: 'cancelled' })
    expect(told(await waiting)).toMatchObject({ applied: 'wait=30', status: 'cancelled' })
  })

  // RFC 7240: names are case-insensitive, values may be quoted and have parameters, and the first preference of a name counts.
  test.each([
    ['wait=10', 10, 'wait=10'],
    ['Wait = "10"; x=y', 10, 'wait=10'],
    ['return=minimal,wait=5,wait=20', 5, 'wait=5'],
    ['wait=0', 0, 'wait=0'],
    ['wait=100000000000000', 45, 'wait=45'],
    [`wait=${'9'.repeat(400)}`, 45, 'wait=45'],
  ])('%s is %i seconds', (prefer, seconds, applied) => {
    const { seconds: found, headers } = waitOf({ query: {}, headers: { prefer } })
    expect([found, headers['preference-applied']]).toEqual([seconds, applied])
  })

  test.each(['', 'wait', 'wait=soon', 'wait=-1', 'wait=1.5', 'wait=, wait=3', 'awaited=3', 'x="wait=3"'])(
    '"%s" is ignored, as RFC 7240 asks of servers',
    prefer => {
      expect(waitOf({ query: {}, headers: { prefer } })).toEqual({ seconds: 0, headers: {} })
    },
  )

  test('comes after ?wait', () => {
    expect(waitOf({ query: { wait: 3 }, headers: { prefer: 'wait=9' } })).toEqual({ seconds: 3, headers: {} })
  })
})

describe('a failed job', () => {
  const failing = { onNonFinite: 'fail' }

  test('is 200 with Tureen-Job-Status: failed, and with ?fail=http the problem of its error', async () => {
    const response = await start('wait=45', {}, { models: diverged, ...failing })
    expect([response.status, told(response).status]).toEqual([200, 'failed'])
    const { id, error } = await json<JobRecord>(response)
    expect(error).toMatchObject({ code: 'TUREEN_NOT_FINITE', status: 422 })
    for (const query of ['fail=http', 'fail=http&wait=1']) {
      const failed = await fetch(`${app.url}/v1/jobs/${id}?${query}`)
      expect(told(failed).status).toBe('failed')
      expect(failed.headers.get('etag')).toBeNull()
      expect(await readProblem(failed, 422, 'TUREEN_NOT_FINITE')).toMatchObject({ ...error })
    }
  })

  test('is its problem for the request that started it, with the path of the job, also when it is sent again', async () => {
    const send = () => start('wait=45&fail=http', { 'idempotency-key': 'failing' }, { models: diverged, ...failing })
    const first = await send()
    const path = first.headers.get('location')
    await readProblem(first, 422, 'TUREEN_NOT_FINITE')
    expect(await json(await fetch(`${app.url}${path}`))).toMatchObject({ status: 'failed' })
    const again = await send()
    expect([again.headers.get('location'), again.headers.get('idempotency-replayed')]).toEqual([path, 'true'])
    await readProblem(again, 422, 'TUREEN_NOT_FINITE')
  })

  test('ends curl -f with 22, and a good one with 0', async () => {
    const curl = (body: object) =>
      promisify(execFile)('curl', [
        ...['-fsS', `${app.url}/v1/merges?wait=45&fail=http`, '-o', '/dev/null'],
        ...['-H', 'content-type: application/json', '-d', JSON.stringify(body)],
      ])
    await curl({ models })
    await expect(curl({ models: diverged, ...failing })).rejects.toMatchObject({ code: 22 })
  })
})

test('a cancelled job with ?fail=http is 409', async () => {
  const { job } = await startLongMerge(app.url)
  await cancelJob(app.url, job.id)
  const response = await fetch(`${app.url}/v1/jobs/${job.id}?fail=http`)
  expect(told(response).status).toBe('cancelled')
  await readProblem(response, 409, 'TUREEN_JOB_CANCELLED')
})

test('with ?fail=http, jobs that have not failed are as ever', async () => {
  const running = await start('fail=http')
  expect(running.status).toBe(202)
  const ended = await start('fail=http&wait=45')
  expect([ended.status, told(ended).status]).toEqual([200, 'succeeded'])
  const got = await fetch(`${app.url}${ended.headers.get('location')}?fail=http`)
  expect(got.headers.get('etag')).not.toBeNull()
  await readProblem(await postJson(`${app.url}/v1/merges?fail=maybe`, { models }), 400, 'TUREEN_REQUEST_INVALID')
})
