import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { json, merge, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { allEvents, type ServerSentEvent, serverSentEvents } from '../support/server-sent-events.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

function events(id: string, lastEventId?: string): Promise<Response> {
  const headers: Record<string, string> = { accept: 'text/event-stream' }
  if (lastEventId !== undefined) headers['last-event-id'] = lastEventId
  return fetch(`${app.url}/v1/jobs/${id}/events`, { headers })
}

async function finishedJob() {
  const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]))
  return merge(app.url, { models: [{ id }] })
}

function expectOrderly(found: readonly ServerSentEvent[]): void {
  const ids = found.map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)])
  for (const id of ids) expect(id).not.toBe('')
  for (const { event } of found) expect(event).toBeOneOf(['progress', 'log', 'done'])
  for (const { event } of found.slice(0, -1)) expect(event).not.toBe('done')
}

describe('the events of a job that has ended', () => {
  test('end with done, which is the job, and then the stream is over', async () => {
    const job = await finishedJob()
    const response = await events(job.id)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(response.headers.get('cache-control')).toMatch(/no-(store|cache)/)
    const found = await allEvents(response)
    expectOrderly(found)
    expect(found.at(-1)?.event).toBe('done')
    expect(JSON.parse(found.at(-1)?.data ?? '')).toEqual(job)
  })

  test('are the same every time', async () => {
    const job = await finishedJob()
    expect(await allEvents(await events(job.id))).toEqual(await allEvents(await events(job.id)))
  })

  test('with Last-Event-ID of the last are 204, which tells an EventSource to stop', async () => {
    const job = await finishedJob()
    const last = (await allEvents(await events(job.id))).at(-1)
    const response = await events(job.id, last?.id)
    expect(response.status).toBe(204)
    expect(await response.text()).toBe('')
  })

  test.each(['', 'nonsense', '-1'])('with a Last-Event-ID that never was ("%s") are all of them', async lastEventId => {
    const job = await finishedJob()
    expect(await allEvents(await events(job.id, lastEventId))).toEqual(await allEvents(await events(job.id)))
  })

  test('do not mix with those of another', async () => {
    const [first, second] = [await finishedJob(), await finishedJob()]
    for (const job of [first, second]) {
      const found = await allEvents(await events(job.id))
      expect(JSON.parse(found.at(-1)?.data ?? '')).toMatchObject({ id: job.id })
    }
    const last = (await allEvents(await events(second.id))).at(-1)
    expect((await events(first.id, last?.id)).status).toBe(204)
  })
})

describe('the events of a job that runs', () => {
  test('come as it goes on: progress, then done when it is cancelled', async () => {
    const { job } = await startLongMerge(app.url)
    const found: ServerSentEvent[] = []
    for await (const event of serverSentEvents(await events(job.id))) {
      found.push(event)
      if (found.length === 2) await cancelJob(app.url, job.id)
    }
    expectOrderly(found)
    const progress = found.filter(({ event }) => event === 'progress').map(({ data }) => JSON.parse(data))
    expect(progress.length).toBeGreaterThanOrEqual(2)
    for (const [index, { done, total, message }] of progress.entries()) {
      expect(done).toBeGreaterThanOrEqual(progress[index - 1]?.done ?? 0)
      expect(done).toBeLessThanOrEqual(total)
      expect(message).toMatch(/\S/)
    }
    const { id, event, data } = found.at(-1) ?? { id: '', event: '', data: '{}' }
    expect(event).toBe('done')
    expect(JSON.parse(data)).toEqual(await json(await fetch(`${app.url}/v1/jobs/${job.id}`)))
    expect(JSON.parse(data)).toMatchObject({ status: 'cancelled' })
    await delay(300)
    expect((await events(job.id, id)).status).toBe(204)
  })

  test('resume behind Last-Event-ID without repeating or missing one', async () => {
    const { job } = await startLongMerge(app.url)
    const first: ServerSentEvent[] = []
    for await (const event of serverSentEvents(await events(job.id))) {
      first.push(event)
      if (first.length === 2) break
    }
    const response = await events(job.id, first.at(-1)?.id)
    await cancelJob(app.url, job.id)
    const rest = await allEvents(response)
    expect([...first, ...rest]).toEqual(await allEvents(await events(job.id)))
  })

  test('begin at once, before anything has happened', async () => {
    const jobs = []
    for (let count = 0; count < 4; count += 1) jobs.push((await startLongMerge(app.url)).job)
    const waiting = jobs.at(-1)?.id ?? ''
    const response = await events(waiting)
    expect(response.status).toBe(200)
    expect((await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${waiting}`))).finishedAt).toBeNull()
    for (const { id } of jobs) await cancelJob(app.url, id)
    expect((await allEvents(response)).at(-1)?.event).toBe('done')
  })

  test('have no comments while something comes', async () => {
    const { job } = await startLongMerge(app.url)
    await untilStatus(app.url, job.id, 'running')
    const response = await events(job.id)
    await cancelJob(app.url, job.id)
    expect(await response.text()).not.toMatch(/^:/m)
  })

  test('go to everybody who listens', async () => {
    const { job } = await startLongMerge(app.url)
    await untilStatus(app.url, job.id, 'running')
    const responses = await Promise.all([events(job.id), events(job.id), events(job.id)])
    await cancelJob(app.url, job.id)
    const [a, b, c] = await Promise.all(responses.map(allEvents))
    expect(b).toEqual(a)
    expect(c).toEqual(a)
    expect(a?.at(-1)?.event).toBe('done')
  })
})

test('the events of a job that there is not are 404', async () => {
  await readProblem(await events('nothing'), 404, 'TUREEN_NOT_FOUND')
})
