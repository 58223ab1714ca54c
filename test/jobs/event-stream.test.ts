import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import pino from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { createJobService, type JobService } from '../../src/jobs/job-service.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let catalog: Catalog
let jobs: JobService

/** Does nothing until it is stopped. */
async function idle(_: unknown, { signal }: { signal: AbortSignal }): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(new Error('stopped')))
  if (signal.aborted) return
  await promise
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  const type = { runner: idle }
  const types = { merge: type, comparison: type, evaluation: type, search: type }
  const limits = { concurrency: 1, maximumQueued: 10, ttl: null }
  const reserve = createReserve(directory.path, async () => undefined)
  jobs = createJobService({ catalog, reserve }, types, pino({ level: 'silent' }), limits, {
    jobEnded() {},
    jobCutOff() {},
  })
})
afterAll(async () => {
  await jobs.close()
  await catalog.destroy()
  await directory.remove()
})

test('a stream of events ends with the last one, at whatever moment the job ends', async () => {
  const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
  for (let turns = 0; turns < 30; turns += 1) {
    const { id } = await jobs.create({ type: 'merge', request, labels: {}, inputIds: [] })
    const streams = Array.from({ length: 4 }, async () => {
      const types: (string | undefined)[] = []
      for await (const event of jobs.events(id, 0, new AbortController().signal)) types.push(event?.type)
      return types.at(-1)
    })
    for (let turn = 0; turn < turns; turn += 1) await setImmediate()
    await jobs.cancel(id)
    expect(await Promise.all(streams), `${turns} turns`).toEqual(['done', 'done', 'done', 'done'])
  }
})

test('a stream has a sign of life after 15 seconds of silence, and none before', async () => {
  const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
  const { id } = await jobs.create({ type: 'merge', request, labels: {}, inputIds: [] })
  // The start of the job is a change without an event.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const events = jobs.events(id, 0, new AbortController().signal)
    expect((await events.next()).value).toBeNull()
    let came = 0
    const next = events.next().then(({ value }) => {
      came += 1
      return value
    })
    const waits = async () => {
      while (vi.getTimerCount() === 0) await setImmediate()
    }
    await waits()
    vi.advanceTimersByTime(14_990)
    for (let turn = 0; turn < 100; turn += 1) await setImmediate()
    expect(came).toBe(0)
    await waits()
    vi.advanceTimersByTime(10)
    expect(await next).toBeNull()
  } finally {
    vi.useRealTimers()
    await jobs.cancel(id)
  }
})
