import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { KyselyPlugin } from 'kysely'
import pino from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { createJobs, type Jobs } from '../../src/composition/jobs.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let catalog: Catalog
let jobs: Jobs
const closing = new AbortController()

const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })

/** Does nothing until it is stopped. */
async function idle(_: unknown, { signal }: { signal: AbortSignal }): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(new Error('stopped')))
  if (signal.aborted) return
  await promise
}

function serviceOf(catalog: Catalog): Jobs {
  const type = { runner: idle }
  const types = { merge: type, comparison: type, evaluation: type, search: type, export: type, conversion: type }
  const limits = { concurrency: 1, maximumQueued: 10, ttl: null }
  const reserve = createReserve(directory.path, async () => undefined)
  const observer = { jobEnded() {}, jobCutOff() {} }
  return createJobs(
    { catalog, notifications: null, reserve },
    types,
    pino({ level: 'silent' }),
    limits,
    observer,
    closing.signal,
  )
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  jobs = serviceOf(catalog)
  await jobs.executor.start()
})
afterAll(async () => {
  closing.abort()
  await jobs.executor.close()
  await catalog.destroy()
  await directory.remove()
})

test('a stream of events ends with the last one, at whatever moment the job ends', async () => {
  for (let turns = 0; turns < 30; turns += 1) {
    const { id } = await jobs.commands.create({ type: 'merge', request, labels: {}, inputIds: [] })
    const streams = Array.from({ length: 4 }, async () => {
      const types: (string | undefined)[] = []
      for await (const event of jobs.stream(id, 0, new AbortController().signal)) types.push(event?.type)
      return types.at(-1)
    })
    for (let turn = 0; turn < turns; turn += 1) await setImmediate()
    await jobs.commands.cancel(id)
    expect(await Promise.all(streams), `${turns} turns`).toEqual(['done', 'done', 'done', 'done'])
  }
})

test('a stream has a sign of life after 15 seconds of silence, and none before', async () => {
  const { id } = await jobs.commands.create({ type: 'merge', request, labels: {}, inputIds: [] })
  // The start of the job is a change without an event.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const events = jobs.stream(id, 0, new AbortController().signal)
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
    await jobs.commands.cancel(id)
  }
})

test('streams of one job share the reads of its events', async () => {
  let reads = 0
  const counting: KyselyPlugin = {
    transformQuery({ node }) {
      if (JSON.stringify(node).includes('job_events')) reads += 1
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const counted = serviceOf(catalog.withPlugin(counting))
  const { id } = await counted.commands.create({ type: 'merge', request, labels: {}, inputIds: [] })
  const readsOf = async (streams: number) => {
    const stop = new AbortController()
    const before = reads
    const first = await Promise.all(Array.from({ length: streams }, () => counted.stream(id, 0, stop.signal).next()))
    expect(first.map(({ value }) => value)).toEqual(Array(streams).fill(null))
    stop.abort()
    return reads - before
  }
  expect(await readsOf(64)).toBe(await readsOf(1))
  await counted.executor.close()
})
