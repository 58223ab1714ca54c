import { type JobStatus, jobStatus } from '../../../schemas/job.ts'
import { TureenError } from '../../errors.ts'
import type { Catalog } from '../../storage/database.ts'
import { hasStatus, statusColumn } from '../../storage/job-status.ts'
import { lockRow } from '../../storage/row-locks.ts'
import { validOr } from '../../storage/unreadable.ts'
import { findJob } from '../end-job.ts'
import type { QueuedJob } from '../job-queue.ts'
import { transition } from '../job-records.ts'

/** A search with scores from outside, as its rows are. Times are RFC 3339 texts. */
export type ExternalSearch = {
  id: string
  status: JobStatus
  /** Progress as a stored document; null if there is none. */
  progress: string | null
  /** Direction of the score that the search ranks by; null for a list. */
  direction: string | null
  begunAt: string | null
  endsAt: string | null
}

/** Locks the job of a search until the end of the transaction: two scores that come at the same time see each other. @throws TureenError as {@link findSearch} does */
export async function lockSearch(transaction: Catalog, jobId: string): Promise<ExternalSearch> {
  await lockRow(transaction, 'jobs', jobId)
  return findSearch(transaction, jobId)
}

/** Returns a search with scores from outside. @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_NOT_EXTERNAL` */
export async function findSearch(catalog: Catalog, jobId: string): Promise<ExternalSearch> {
  const row = await catalog
    .selectFrom('jobs')
    .innerJoin('external_searches', 'external_searches.job_id', 'jobs.id')
    .select(['jobs.id', 'progress', 'direction', 'begun_at', 'ends_at'])
    .select(statusColumn.as('status'))
    .where('jobs.id', '=', jobId)
    .executeTakeFirst()
  if (row)
    return {
      id: row.id,
      status: validOr(jobStatus, row.status, 'failed' as const),
      progress: row.progress,
      direction: row.direction,
      begunAt: row.begun_at,
      endsAt: row.ends_at,
    }
  const { job } = await findJob(catalog, jobId)
  const message = 'is no search with a scorer from outside'
  throw new TureenError(
    'TUREEN_NOT_EXTERNAL',
    `The job ${jobId} ${message}, so it has no candidates to lease or to score. Start a search whose selection has external.`,
    [
      {
        job: jobId,
        expected: 'a search whose selection has external',
        actual: job.type ?? 'an unreadable job',
        message,
      },
    ],
  )
}

/**
 * Puts a waiting search back into the queue if nothing is left to wait for: all candidates that it needs are settled, or its budget of seconds
 * is spent. @returns the job if it is queued now
 */
export async function queueIfDue(
  transaction: Catalog,
  { id, status, endsAt }: ExternalSearch,
  now: string,
): Promise<QueuedJob | undefined> {
  if (status !== 'waiting') return undefined
  const isSpent = endsAt !== null && endsAt <= now
  if (!isSpent && (await isWaitedFor(transaction, id))) return undefined
  return (await transition(transaction, id, ['waiting'], 'queued')) ? { id, type: 'search' } : undefined
}

/** True if a candidate is not settled that a search needs. */
export async function isWaitedFor(transaction: Catalog, jobId: string): Promise<boolean> {
  const unsettled = await transaction
    .selectFrom('search_candidates')
    .select('id')
    .where('job_id', '=', jobId)
    .where('state', 'in', ['open', 'leased'])
    .where('required', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return unsettled !== undefined
}

/** Returns the ids of waiting searches that meet a condition on their times. */
export function waitingSearches(catalog: Catalog) {
  return catalog
    .selectFrom('jobs')
    .innerJoin('external_searches', 'external_searches.job_id', 'jobs.id')
    .select('jobs.id')
    .where(hasStatus('waiting'))
    .orderBy('jobs.id')
}
