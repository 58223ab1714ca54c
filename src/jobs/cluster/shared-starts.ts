import type { Catalog } from '../../storage/database.ts'
import { statusColumn } from '../../storage/job-status.ts'
import { lockRow } from '../../storage/row-locks.ts'
import { type CutOffJob, settleOne } from '../cut-off-jobs.ts'
import type { EndJob } from '../end-job.ts'
import { beginAttempt, maximumAttempts } from '../job-attempts.ts'
import { beginnings, isOfNewerVersion } from '../job-documents.ts'
import { type StoredJob, transition } from '../job-records.ts'
import type { HeldEntry, QueueEntries } from './queue-entries.ts'

// Each function first locks the row of a job, and then its entry, as the transactions do that enqueue one: two processes never wait for each
// other.

/**
 * Outcome of the start of a job. `begun`: it runs in this process; `failed`: it had its last attempt; `none`: it has ended, a newer version
 * wrote it, or another process has it. `attempts`: starts with this one. `cutOff`: the earlier start, whose process died.
 */
export type SharedStart =
  | { kind: 'begun'; attempts: number; cutOff?: CutOffJob }
  | { kind: 'failed'; cutOff: CutOffJob; job: StoredJob | undefined }
  | { kind: 'none' }

/**
 * Starts a job in this process, and counts the start. A job that is running has lost its process, whose start then counts as a death.
 * @param startedAt the time of the start. With the same time the function can be called again after an error
 */
export async function startShared(
  catalog: Catalog,
  entries: QueueEntries,
  end: EndJob,
  entry: HeldEntry,
  startedAt: string,
): Promise<SharedStart> {
  return catalog.transaction().execute(async (transaction): Promise<SharedStart> => {
    const row = await fetchedJobs(transaction, [entry.id]).forUpdate().executeTakeFirst()
    if (!(await entries.renew(transaction, [entry])).has(entry.id)) return { kind: 'none' }
    if (!row || !isOurs(row)) {
      await entries.remove(transaction, entry)
      return { kind: 'none' }
    }
    const attempts = row.attempts ?? 0
    if (row.status === 'queued') {
      await beginAttempt(transaction, entry.id, startedAt)
      return { kind: 'begun', attempts: attempts + 1 }
    }
    if (row.started_at === startedAt) return { kind: 'begun', attempts }
    const cutOff = { id: row.id, type: row.type, started_at: row.started_at, attempts }
    const job = await settleOne(transaction, cutOff, end)
    if (attempts >= maximumAttempts) {
      await entries.remove(transaction, entry)
      return { kind: 'failed', cutOff, job }
    }
    await beginAttempt(transaction, entry.id, startedAt)
    return { kind: 'begun', attempts: attempts + 1, cutOff }
  })
}

/** Selects what tells whether this process can run jobs, and how. */
export function fetchedJobs(catalog: Catalog, ids: readonly string[]) {
  return catalog
    .selectFrom('jobs')
    .select(['id', 'type', statusColumn.as('status'), 'started_at', 'attempts'])
    .select(beginnings)
    .where('id', 'in', [...ids])
}

/** True if a job is queued or running, and this version can run it. Servers of the newer version add the entries of other jobs again. */
export function isOurs(job: Parameters<typeof isOfNewerVersion>[0] & { status: string }): boolean {
  return (job.status === 'queued' || job.status === 'running') && !isOfNewerVersion(job)
}

/** A start of a job in this process. `attempts`: the number that it has in the job's row. */
export type CountedStart = { startedAt: string; attempts: number }

/** Takes back a start that a clean stop ends, unless it has made progress or another start has replaced it. Called twice, it acts once. */
export async function takeBackStart(
  catalog: Catalog,
  id: string,
  { startedAt, attempts }: CountedStart,
): Promise<void> {
  await catalog
    .updateTable('jobs')
    .set({ attempts: attempts - 1 })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .where('started_at', '=', startedAt)
    .where('attempts', '=', attempts)
    .execute()
}

/**
 * Settles the entry of a job that does not run here any more, or never did: one of a queued job is free for all, and any other is removed. Once
 * the job is queued later, it gets a new one. @returns true if the entry is free
 */
export async function settleEntry(catalog: Catalog, entries: QueueEntries, entry: HeldEntry): Promise<boolean> {
  return catalog.transaction().execute(async transaction => {
    const row = await fetchedJobs(transaction, [entry.id]).forUpdate().executeTakeFirst()
    const isFree = row?.status === 'queued' && isOurs(row)
    await (isFree ? entries.putBack(transaction, entry) : entries.remove(transaction, entry))
    return isFree
  })
}

/** Puts a stopped job back into the queue, unless another start has replaced this one. @param start undefined if it never ran here */
export async function releaseShared(
  catalog: Catalog,
  entries: QueueEntries,
  entry: HeldEntry,
  start: CountedStart | undefined,
): Promise<void> {
  await catalog.transaction().execute(async transaction => {
    await lockRow(transaction, 'jobs', entry.id)
    await entries.putBack(transaction, entry)
    if (start === undefined) return
    await takeBackStart(transaction, entry.id, start)
    await transition(transaction, entry.id, ['running'], 'queued', {}, start.startedAt)
  })
}
