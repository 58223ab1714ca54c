import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { startTakeovers } from '../../src/jobs/cluster/takeovers.ts'
import { findJob, jobEnder } from '../../src/jobs/end-job.ts'
import type { Claim, JobQueue } from '../../src/jobs/job-queue.ts'
import { insertJob } from '../../src/jobs/job-records.ts'
import { storedStatus } from '../../src/storage/job-status.ts'
import { requireReadable } from '../../src/storage/unreadable.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { openQueueProcesses, type QueueProcesses } from '../support/queue-processes.ts'
import { until } from '../support/store-client.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const takeoverSeconds = 4
const end = jobEnder(null)
const log = pino({ level: 'silent' })
const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })

let postgres: Postgres
let url: string
let processes: QueueProcesses
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.remove())
beforeEach(async () => {
  url = await postgres.createDatabase()
  processes = await openQueueProcesses(url, takeoverSeconds)
})
afterEach(() => processes.close())

const jobOf = async (id: string) => requireReadable({ job: id }, (await findJob(processes.catalog, id)).job)

const enqueue = async (queue: JobQueue) => {
  const job = await queue.enqueue(async transaction => {
    const id = await insertJob(transaction, { type: 'merge', request, labels: {}, inputIds: [] })
    return requireReadable({ job: id }, (await findJob(transaction, id)).job)
  })
  return job.id
}

/** Starts a worker whose jobs run until their signals fire. @param change replaces functions of its entries */
async function worker(...connection: Parameters<QueueProcesses['connect']>) {
  const queue = await processes.connect(...connection)
  const claims: Claim[] = []
  await queue.work(async claim => {
    claims.push(claim)
    await new Promise<void>(resolve => claim.signal.addEventListener('abort', () => resolve()))
  })
  const claimOf = (id: string) => claims.find(claim => claim.id === id)
  return { queue, claims, claimOf, untilClaimed: (id: string) => until(`a claim of ${id}`, () => !!claimOf(id)) }
}

const entriesNow = async () => {
  const { rows } = await sql<{ id: string }>`select id from tureen_queue.job`.execute(processes.catalog)
  return rows.map(({ id }) => id)
}

test('a cancel reaches a job that another process runs', async () => {
  const clients = await processes.connect()
  const working = await worker()
  const id = await enqueue(clients)
  await working.untilClaimed(id)
  await processes.catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', {}))
  await clients.cancel(id)
  await until('the signal', () => working.claimOf(id)?.signal.aborted === true)
  expect(working.claimOf(id)?.signal.reason).toBe('cancelled')
  await until('the entry is gone', async () => (await entriesNow()).length === 0)
})

test('a cancel that no notification tells of reaches it with the next heartbeat', async () => {
  const working = await worker()
  const id = await enqueue(working.queue)
  await working.untilClaimed(id)
  await processes.catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', {}))
  await until('the signal', () => working.claimOf(id)?.signal.reason === 'cancelled')
})

test('a job keeps its heartbeats if the entry of another job cannot be removed', async () => {
  const clients = await processes.connect()
  const [ended, id] = [await enqueue(clients), await enqueue(clients)]
  await processes.catalog.transaction().execute(transaction => end(transaction, ended, 'cancelled', {}))
  let failures = 0
  const working = await worker(({ remove }) => ({
    async remove(catalog, entry) {
      if (entry.id !== ended || failures > 0) return remove(catalog, entry)
      failures += 1
      throw new Error('the database is away')
    },
  }))
  await working.untilClaimed(id)
  expect(failures).toBe(1)
  // No notification tells of it, so the job has heartbeats.
  await processes.catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', {}))
  await until('the signal', () => working.claimOf(id)?.signal.reason === 'cancelled')
  await until('no entry is left', async () => (await entriesNow()).length === 0)
})

test('jobs whose entries are lost run all the same, and entries without a job are dropped', async () => {
  const clients = await processes.connect()
  const ids = [await enqueue(clients), await enqueue(clients)]
  await sql`delete from tureen_queue.job`.execute(processes.catalog)
  await processes.entries.add(processes.catalog, 'merge', [randomUUID()])
  const working = await worker()
  for (const id of ids) await working.untilClaimed(id)
  await until('only their entries are left', async () => (await entriesNow()).length === 2)
  expect((await entriesNow()).sort()).toEqual(ids)
  expect(working.claims).toHaveLength(2)
})

test('after an outage of the database that is longer than a takeover, jobs go on where they were', async () => {
  const working = [await worker(), await worker()]
  const id = await enqueue(await processes.connect())
  await until('a claim', () => working.some(({ claimOf }) => claimOf(id) !== undefined))
  const { startedAt } = await jobOf(id)
  await delay(takeoverSeconds * 1000)
  await postgres.stop()
  await delay((takeoverSeconds + 2) * 1000)
  await postgres.start()
  await delay((takeoverSeconds + 3) * 1000)
  expect(await jobOf(id)).toMatchObject({ status: 'running', attempts: 1, startedAt })
  expect(working.flatMap(({ claims }) => claims).map(({ signal }) => signal.aborted)).toEqual([false])
  const next = await enqueue(await processes.connect())
  await until('the next job runs', () => working.some(({ claimOf }) => claimOf(next) !== undefined))
})

test('nothing is taken over soon after a start, nor soon after an outage: the others could not send heartbeats', async () => {
  const seconds = 6
  const taken: number[] = []
  const releaseSilent = async () => void taken.push(performance.now())
  const started = performance.now()
  const takeovers = startTakeovers(processes.catalog, { ...processes.entries, releaseSilent }, seconds, log)
  await until('a takeover', () => taken.length > 0)
  expect(taken[0]).toBeGreaterThanOrEqual(started + seconds * 1000)
  await postgres.stop()
  await delay(2_000)
  taken.length = 0
  await postgres.start()
  const back = performance.now()
  await until('a takeover', () => taken.length > 0)
  // The last failure came up to two seconds before.
  expect(taken[0]).toBeGreaterThanOrEqual(back + (seconds - 2) * 1000)
  await takeovers.close()
})

test('a dead process loses its job within that time, and a start that was replaced saves nothing', async () => {
  const [first, second] = [await worker(), await worker()]
  const id = await enqueue(first.queue)
  await until('a claim', () => [first, second].some(({ claimOf }) => claimOf(id) !== undefined))
  const [victim, survivor] = first.claimOf(id) ? [first, second] : [second, first]
  await delay(takeoverSeconds * 1000)
  await processes.die(victim.queue)
  const died = performance.now()
  await survivor.untilClaimed(id)
  expect(performance.now() - died).toBeLessThan((2 * takeoverSeconds + 4) * 1000)
  expect(await jobOf(id)).toMatchObject({ attempts: 2, lastFailure: { startedAt: victim.claimOf(id)?.startedAt } })
})

test('a worker whose connections are silently dead keeps its job: it notices, and tells over a new one that it lives', async () => {
  const proxy = await startTcpProxy(url)
  const through = new URL(url)
  through.port = String(proxy.port)
  const silenced = await worker(undefined, through.href)
  const id = await enqueue(silenced.queue)
  await silenced.untilClaimed(id)
  const other = await worker()
  // From now on the other one may take over.
  await delay(takeoverSeconds * 1000)
  const { startedAt } = await jobOf(id)
  proxy.silence()
  await delay(3 * takeoverSeconds * 1000)
  expect(await jobOf(id)).toMatchObject({ status: 'running', attempts: 1, startedAt })
  expect([silenced.claimOf(id)?.signal.aborted, other.claims]).toEqual([false, []])
  // The ends of silent connections would otherwise be waited for.
  proxy.refuse(true)
  await proxy.endAll()
  await processes.die(silenced.queue)
  await proxy.close()
})

test('a worker that stops during the last attempt of a job, while the database is away, hands it over without losing the attempt', async () => {
  const stopping = await worker()
  const id = await enqueue(await processes.connect())
  await stopping.untilClaimed(id)
  await processes.catalog
    .updateTable('jobs')
    .set({ attempts: 2, ...storedStatus('queued') })
    .where('id', '=', id)
    .execute()
  await until('the start is lost', () => stopping.claimOf(id)?.signal.aborted === true)
  await until('the last attempt', async () => (await jobOf(id)).attempts === 3)
  await postgres.stop()
  const stopped = stopping.queue.close()
  await delay(1_500)
  await postgres.start()
  await stopped
  expect(await jobOf(id)).toMatchObject({ status: 'queued', attempts: 2 })
  const next = await worker()
  await next.untilClaimed(id)
  expect(await jobOf(id)).toMatchObject({ status: 'running', attempts: 3 })
})
