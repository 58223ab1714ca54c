import type { JobStatus } from '../../schemas/job.ts'
import { TureenError } from '../errors.ts'
import type { Catalog } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import { isReadable } from '../storage/unreadable.ts'
import { insertDone } from './job-event-rows.ts'
import * as records from './job-records.ts'

const endStatuses = ['succeeded', 'failed', 'cancelled'] as const satisfies readonly JobStatus[]

const ended: ReadonlySet<JobStatus> = new Set(endStatuses)

/** True if a job with this status has ended. Its status never changes again. */
export function hasEnded(status: JobStatus): boolean {
  return ended.has(status)
}

/**
 * Ends a job.
 * @param startedAt the start that ends the job; undefined if a client ends it, or the queue
 * @returns the ended job; undefined if it had already ended, or if another start has replaced this one
 */
export type EndJob = (
  transaction: Catalog,
  id: string,
  status: (typeof endStatuses)[number],
  change: records.JobChanges,
  startedAt?: string,
) => Promise<records.StoredJob | undefined>

/**
 * Returns the function that ends jobs.
 * @param ttl seconds from the end of a job until it expires, if its request has no `ttl`; null: never
 */
export function jobEnder(ttl: number | null): EndJob {
  return async (transaction, id, status, change, startedAt) => {
    const from: JobStatus[] =
      status === 'cancelled'
        ? ['queued', 'running', 'waiting']
        : status === 'failed' && startedAt === undefined
          ? ['running', 'waiting']
          : ['running']
    const { job } = (await records.jobById(transaction, id)) ?? {}
    if (!job) return undefined
    const finished_at = records.now()
    const expires_at = expiryAfter((isReadable(job) ? job.request.ttl : null) ?? ttl, Date.parse(finished_at))
    const ends = { ...change, finished_at, expires_at }
    if (!(await records.transition(transaction, id, from, status, ends, startedAt))) return undefined
    const ended = await findJob(transaction, id)
    await insertDone(transaction, id)
    return ended
  }
}

/** Returns a job by its ID. @throws TureenError `TUREEN_NOT_FOUND` */
export async function findJob(catalog: Catalog, id: string): Promise<records.StoredJob> {
  const stored = await records.jobById(catalog, id)
  if (stored) return stored
  const message = `there is no job ${id}`
  throw new TureenError('TUREEN_NOT_FOUND', `In this store ${message}. GET /v1/jobs lists the jobs.`, [
    { job: id, message },
  ])
}

export function wasCancelled(id: string): TureenError {
  const message = 'was cancelled by a client'
  return new TureenError('TUREEN_JOB_CANCELLED', `The job ${id} ${message}.`, [{ job: id, message }])
}
