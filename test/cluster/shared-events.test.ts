import { Client } from 'pg'
import pino from 'pino'
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { sharedEvents } from '../../src/jobs/cluster/shared-events.ts'
import { jobEnder } from '../../src/jobs/end-job.ts'
import { createEventStream } from '../../src/jobs/event-stream.ts'
import { beginAttempt } from '../../src/jobs/job-attempts.ts'
import { insertLog } from '../../src/jobs/job-event-rows.ts'
import type { JobEvents } from '../../src/jobs/job-events.ts'
import { createJobQueries } from '../../src/jobs/job-queries.ts'
import { insertJob } from '../../src/jobs/job-records.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { openNotifications } from '../../src/storage/postgres/notifications.ts'
import { openPostgresCatalog } from '../../src/storage/postgres/open-postgres.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { jobEventsSuite } from '../jobs/job-events-suite.ts'
import { createDatabase, dropDatabase } from '../support/postgres.ts'
import { storeOfTests, usedAlone } from '../support/test-catalog.ts'

const log = pino({ level: 'silent' })
const forever = new AbortController().signal
const long = 60_000
let server: string
beforeAll(() => {
  server = inject('postgres') ?? ''
})

/** A catalog, and the news of several processes with connections of their own. */
async function openProcesses(count: number) {
  const url = await createDatabase(server)
  const closing = new AbortController()
  const catalog = await openPostgresCatalog({ url, directUrl: url }, storeOfTests, log, usedAlone)
  const processes: { events: JobEvents; close(): Promise<void> }[] = []
  for (let index = 0; index < count; index += 1) {
    // The database goes before the last connections of the pool have ended.
    const own = catalogIn(poolOf(url, 2, () => undefined))
    const notifications = await openNotifications(own, url, log)
    const close = async () => {
      await notifications.close()
      await own.destroy()
    }
    processes.push({ events: sharedEvents({ catalog: own, notifications, closing: closing.signal, log }), close })
  }
  const [first] = processes
  for (const { events } of processes) await untilHeard(events, first?.events)
  return {
    url,
    catalog,
    processes: processes.map(({ events }) => events),
    async close() {
      closing.abort()
      for (const { close } of processes) await close()
      await catalog.destroy()
      await dropDatabase(url)
    },
  }
}

/** Waits until news of a process arrive in another. */
async function untilHeard(here: JobEvents, there: JobEvents | undefined) {
  const followed = here.follow('first', forever)
  there?.changed('first')
  await followed.next(long)
  followed.close()
}

jobEventsSuite('several processes on PostgreSQL', async () => {
  const { catalog, processes, close } = await openProcesses(4)
  let connected = 0
  return {
    catalog,
    connect() {
      const events = processes[connected++ % processes.length]
      if (!events) throw new Error('there is no process')
      return events
    },
    close,
  }
})

type Processes = Awaited<ReturnType<typeof openProcesses>>

async function insertRunning({ catalog }: Processes) {
  const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
  const id = await insertJob(catalog, { type: 'merge', request, labels: {}, inputIds: [] })
  await beginAttempt(catalog, id, '2026-01-01T00:00:00.000Z')
  return id
}

const end = ({ catalog }: Processes, id: string) =>
  catalog.transaction().execute(transaction => jobEnder(null)(transaction, id, 'cancelled', {}))

/** Starts a wait in the second process, which ends with the job. It resolves when the wait has read the job */
async function startWait({ catalog, processes: [, there] }: Processes, id: string) {
  if (!there) throw new Error('there is no second process')
  const began = Promise.withResolvers<void>()
  const follow: JobEvents['follow'] = (...given) => {
    const followed = there.follow(...given)
    const next = (milliseconds: number) => {
      began.resolve()
      return followed.next(milliseconds)
    }
    return { ...followed, next }
  }
  const waiting = createJobQueries(catalog, { ...there, follow }, forever).wait(id, 60, forever)
  await began.promise
  return { waiting }
}

describe('the news of a job in another process', () => {
  let opened: Processes
  beforeEach(async () => {
    opened = await openProcesses(2)
  })
  afterEach(() => opened.close())

  test('a wait ends with a job of another process although the connection for news ends just before', async () => {
    const id = await insertRunning(opened)
    const { waiting } = await startWait(opened, id)
    const client = new Client(opened.url)
    await client.connect()
    await end(opened, id)
    await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen %'`)
    await client.end()
    opened.processes[0]?.changed(id)
    expect((await waiting).job.status).toBe('cancelled')
  })

  test('a wait ends with a job whose process died before it could tell', async () => {
    const id = await insertRunning(opened)
    const { waiting } = await startWait(opened, id)
    await end(opened, id)
    expect((await waiting).job.status).toBe('cancelled')
  })

  test('a stream continues in another process after the last event that its client has seen', async () => {
    const { catalog, processes } = opened
    const id = await insertRunning(opened)
    const [first, second] = processes.map(events =>
      createEventStream(catalog, events, createJobQueries(catalog, events, forever), forever),
    )
    for (const message of ['a', 'b'])
      await catalog.transaction().execute(transaction => insertLog(transaction, id, message))
    let last = 0
    for await (const event of first?.(id, 0, forever) ?? []) {
      last = event?.sequence ?? 0
      if (event) break
    }
    expect(last).toBeGreaterThan(0)
    await end(opened, id)
    processes[0]?.changed(id)
    const seen: string[] = []
    for await (const event of second?.(id, last, forever) ?? []) if (event) seen.push(event.type + event.data)
    expect(seen).toEqual(['log{"message":"b"}', 'donenull'])
  })
})
