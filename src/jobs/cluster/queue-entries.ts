import { sql } from 'kysely'
import { fromKysely, PgBoss } from 'pg-boss'
import type { Logger } from 'pino'
import { z } from 'zod'
import { type JobType, jobType } from '../../../schemas/job.ts'
import type { Catalog } from '../../storage/database.ts'

/** Schema of pg-boss in the database of the catalog. */
const schema = 'tureen_queue'

/** Seconds of ten years: pg-boss keeps the entry of a job as long as the job is queued. */
const tenYears = 315_360_000

/** Largest integer of PostgreSQL. The attempts of a job are limited in its row, and its seconds by its heartbeats. */
const unlimited = 2_147_483_647

/** Most seconds between two runs of what pg-boss does besides, and the server needs no sooner. */
const rarely = 3_600

/** Most entries that one statement adds. */
const atOnce = 1_000

/** The entry of a job that this process holds. `retryCount`: pg-boss's number of the fetch, which tells it from fetches of others. */
export type HeldEntry = { id: string; type: JobType; retryCount: number }

/**
 * The entries of jobs in pg-boss, which hand each job to one process. An entry has the id of its job, and no payload: the row is the truth. An
 * entry is removed when its job ends, so pg-boss keeps no history. The functions throw errors of the catalog.
 */
export type QueueEntries = {
  /** Adds the entries of jobs that have none. Within a transaction, it is part of it. @returns the number of added entries */
  add(catalog: Catalog, type: JobType, ids: readonly string[]): Promise<number>
  /** Takes the oldest entries of a type, which then belong to this process as long as it renews them. */
  fetch(type: JobType, most: number): Promise<HeldEntry[]>
  /** Sends a heartbeat for entries. @returns the ids of those that still belong to this process */
  renew(catalog: Catalog, entries: readonly HeldEntry[]): Promise<ReadonlySet<string>>
  /** Removes an entry, if it still belongs to this process. */
  remove(catalog: Catalog, entry: HeldEntry): Promise<void>
  /** Lets other processes take an entry, if it still belongs to this one. */
  putBack(catalog: Catalog, entry: HeldEntry): Promise<void>
  /** Lets other processes take the entries whose process is silent for too long. It also tidies the tables of pg-boss. */
  releaseSilent(): Promise<void>
  close(): Promise<void>
}

/** Settings of pg-boss for statements through a catalog. What a server does with its entries decides the rest. */
const settings = {
  schema,
  migrate: true,
  supervise: false,
  schedule: false,
  registerInstance: false,
  openTelemetry: { enabled: false },
  monitorIntervalSeconds: 1,
  monitorVacuum: false,
  bamIntervalSeconds: rarely,
  flowIntervalSeconds: rarely,
  queueCacheIntervalSeconds: rarely,
} as const

const settled = z.object({ settled: z.array(z.string()) })

/**
 * Makes the tables of pg-boss, and one queue for each type of jobs.
 * @param direct the database without a pooler. No other server makes tables meanwhile
 * @param takeoverSeconds seconds without a heartbeat until another process takes an entry
 */
export async function prepareQueueEntries(direct: Catalog, takeoverSeconds: number, log: Logger): Promise<void> {
  const boss = await startBoss(direct, log)
  const options = { retryLimit: unlimited, retentionSeconds: tenYears, heartbeatSeconds: takeoverSeconds }
  for (const type of jobType.options) {
    await boss.createQueue(type, options)
    await boss.updateQueue(type, options)
  }
  // pg-boss takes a day at most, and would then start a running job a second time.
  await sql`update ${sql.table(`${schema}.queue`)} set expire_seconds = ${unlimited}`.execute(direct)
  await stopBoss(boss)
}

/** Opens the entries of jobs, through the connections of the catalog. */
export async function openQueueEntries(catalog: Catalog, log: Logger): Promise<QueueEntries> {
  const boss = await startBoss(catalog, log)
  const attempt = ({ id, retryCount }: HeldEntry) => ({ id, retryCount })
  return {
    async add(through, type, ids) {
      let added = 0
      for (let start = 0; start < ids.length; start += atOnce) {
        const jobs = ids.slice(start, start + atOnce).map(id => ({ id }))
        added += (await boss.insert(type, jobs, { db: fromKysely(through) }))?.length ?? 0
      }
      return added
    },
    async fetch(type, most) {
      const entries = await boss.fetch(type, { batchSize: most })
      return entries.map(({ id, retryCount }) => ({ id, type, retryCount }))
    },
    async renew(through, entries) {
      const renewed = new Set<string>()
      for (const [type, ofType] of Map.groupBy(entries, ({ type }) => type)) {
        const answer = await boss.touch(type, ofType.map(attempt), { db: fromKysely(through) })
        for (const id of settled.parse(answer).settled) renewed.add(id)
      }
      return renewed
    },
    async remove(through, entry) {
      await boss.deleteJob(entry.type, attempt(entry), { db: fromKysely(through) })
    },
    async putBack(through, entry) {
      await boss.fail(entry.type, attempt(entry), null, { db: fromKysely(through) })
    },
    releaseSilent: () => boss.supervise(),
    close: () => stopBoss(boss),
  }
}

async function startBoss(catalog: Catalog, log: Logger): Promise<PgBoss> {
  const boss = new PgBoss({ ...settings, db: fromKysely(catalog) })
  boss.on('error', error => log.warn({ err: error }, 'the queue of jobs could not tidy up; it tries again'))
  boss.on('warning', ({ message, data }) => log.warn({ data }, message))
  return boss.start()
}

/** Stops what pg-boss does by itself. The connections are the catalog's. */
async function stopBoss(boss: PgBoss): Promise<void> {
  await boss.stop({ graceful: false, close: false })
}
