import type { JobProgress } from '../../schemas/job.ts'
import type { Catalog } from '../storage/database.ts'
import { statusColumn } from '../storage/job-status.ts'
import { lockRow } from '../storage/row-locks.ts'

// Rows of the catalog for events of jobs.

export type JobEvent = { sequence: number; type: string; data: string }

/** Events of progress that a job keeps. A client that connects again needs the newest alone. */
const keptProgress = 100

export async function insertLog(transaction: Catalog, jobId: string, message: string): Promise<void> {
  await insert(transaction, jobId, 'log', { message })
}

/** Inserts an event of progress, and deletes those before the newest 100. */
export async function insertProgress(transaction: Catalog, jobId: string, progress: JobProgress): Promise<void> {
  await insert(transaction, jobId, 'progress', progress)
  const ofJob = transaction.selectFrom('job_events').where('job_id', '=', jobId).where('type', '=', 'progress')
  const tooOld = ofJob.select('sequence').orderBy('sequence', 'desc').limit(1).offset(keptProgress)
  await transaction
    .deleteFrom('job_events')
    .where('job_id', '=', jobId)
    .where('type', '=', 'progress')
    .where('sequence', '<=', tooOld)
    .execute()
}

/** Inserts the last event of a job. Its data is the ended job itself, which the server reads when it sends the event. */
export async function insertDone(transaction: Catalog, jobId: string): Promise<void> {
  await insert(transaction, jobId, 'done', null)
}

/** Returns events of a job after number `sequence`, in order: 500 at most. */
export async function eventsAfter(catalog: Catalog, jobId: string, sequence: number): Promise<JobEvent[]> {
  return catalog
    .selectFrom('job_events')
    .select(['sequence', 'type', 'data'])
    .where('job_id', '=', jobId)
    .where('sequence', '>', sequence)
    .orderBy('sequence')
    .limit(500)
    .execute()
}

/** Most jobs of one query. PostgreSQL takes 65,535 parameters. */
const jobsAtOnce = 1_000

/** Returns a text for each of these jobs, which differs after each event and each change of status. Jobs that do not exist have none. */
export async function lastChanges(catalog: Catalog, jobIds: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let start = 0; start < jobIds.length; start += jobsAtOnce) {
    const rows = await catalog
      .selectFrom('jobs')
      .select(['id', statusColumn.as('status')])
      .select(({ selectFrom }) =>
        selectFrom('job_events')
          .select(({ fn }) => fn.max('job_events.sequence').as('newest'))
          .whereRef('job_events.job_id', '=', 'jobs.id')
          .as('newest'),
      )
      .where('id', 'in', jobIds.slice(start, start + jobsAtOnce))
      .execute()
    for (const { id, status, newest } of rows) found.set(id, `${status} ${newest}`)
  }
  return found
}

/**
 * Inserts an event, which gets the next number. Events of one job are committed in the order of their numbers: otherwise a reader that has
 * seen the greater number would miss the smaller one.
 */
async function insert(
  transaction: Catalog,
  jobId: string,
  type: 'progress' | 'log' | 'done',
  data: unknown,
): Promise<void> {
  await lockRow(transaction, 'jobs', jobId)
  await transaction
    .insertInto('job_events')
    .values({ job_id: jobId, type, data: JSON.stringify(data) })
    .execute()
}
