import { sql } from 'kysely'
import pino from 'pino'
import { jobType } from '../../schemas/job.ts'
import { openQueueEntries, prepareQueueEntries, type QueueEntries } from '../../src/jobs/cluster/queue-entries.ts'
import { sharedQueue } from '../../src/jobs/cluster/shared-queue.ts'
import { embeddedEvents } from '../../src/jobs/embedded-events.ts'
import { jobEnder } from '../../src/jobs/end-job.ts'
import type { JobQueue } from '../../src/jobs/job-queue.ts'
import { statusWriter } from '../../src/jobs/until-written.ts'
import { askCatalog, type Catalog } from '../../src/storage/database.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { openNotifications } from '../../src/storage/postgres/notifications.ts'
import { openBeats } from '../../src/storage/postgres/open-beats.ts'
import { openPostgresCatalog } from '../../src/storage/postgres/open-postgres.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { storeOfTests, usedAlone } from './test-catalog.ts'

const log = pino({ level: 'silent' })

/** Processes that share the queue of a new catalog, with connections of their own, inside this one. */
export type QueueProcesses = {
  catalog: Catalog
  /** The entries of the queue, as one more process has them. */
  entries: QueueEntries
  /**
   * Returns the queue of a further process, which runs two jobs of a type at most.
   * @param change replaces functions of its entries
   * @param through address of the database for this process
   */
  connect(change?: (entries: QueueEntries) => Partial<QueueEntries>, through?: string): Promise<JobQueue>
  /** Ends a process without warning: nothing that it begins reaches the database any more. */
  die(queue: JobQueue): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a queue in an empty database.
 * @param takeoverSeconds seconds without a heartbeat until a process counts as dead. pg-boss takes ten at least, so this changes its table
 */
export async function openQueueProcesses(url: string, takeoverSeconds: number): Promise<QueueProcesses> {
  const prepare = (direct: Catalog) => prepareQueueEntries(direct, 10, log)
  const address = { url, directUrl: url }
  const catalog = await openPostgresCatalog(address, storeOfTests, log, { ...usedAlone, prepare })
  await sql`update tureen_queue.queue set heartbeat_seconds = ${takeoverSeconds}`.execute(catalog)
  const entries = await openQueueEntries(catalog, log)
  const ends = new Map<JobQueue, () => Promise<void>>()
  return {
    catalog,
    entries,
    async connect(change = () => ({}), through = url) {
      const own = catalogIn(poolOf(through, 5, () => undefined))
      const beats = openBeats(through, takeoverSeconds, log)
      // A catalog that was never used can be used after its end.
      await askCatalog(beats)
      const notifications = await openNotifications(own, url, log)
      const closing = new AbortController()
      const untilWritten = statusWriter(log, closing.signal)
      const opened = await openQueueEntries(own, log)
      const services = {
        catalog: own,
        beats,
        entries: { ...opened, ...change(opened) },
        notifications,
        untilWritten,
        log,
      }
      const queue = sharedQueue(
        { ...services, events: embeddedEvents(), end: jobEnder(null) },
        2,
        { types: jobType.options, heartbeatSeconds: 1, takeoverSeconds },
        { jobEnded() {}, jobCutOff() {} },
      )
      ends.set(queue, async () => {
        closing.abort()
        await notifications.close()
        await beats.destroy()
        await own.destroy()
      })
      return queue
    },
    async die(queue) {
      await ends.get(queue)?.()
      ends.delete(queue)
    },
    async close() {
      for (const [queue, end] of ends) {
        await queue.close()
        await end()
      }
      await entries.close()
      await catalog.destroy()
    },
  }
}
