import type { JobRecord } from '../../schemas/job.ts'
import { TureenError } from '../errors.ts'
import type { Catalog } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import { isReadable } from '../storage/unreadable.ts'
import * as records from './job-records.ts'

/** Ends a job. @returns the ended job; undefined if it had already ended */
export type EndJob = (
  transaction: Catalog,
  id: string,
  status: 'succeeded' | 'failed' | 'cancelled',
  change: records.JobChanges,
) => Promise<records.StoredJob | undefined>

/**
 * Returns the function that ends jobs.
 * @param ttl seconds from the end of a job until it expires, if its request has no `ttl`; null: never
 */
export function jobEnder(ttl: number | null): EndJob {
  return async (transaction, id, status, change) => {
    const from: JobRecord['status'][] = status === 'cancelled' ? ['queued', 'running'] : ['running']
    const { job } = (await records.jobById(transaction, id)) ?? {}
    if (!job) return undefined
    const finished_at = records.now()
    const expires_at = expiryAfter((isReadable(job) ? job.request.ttl : null) ?? ttl, Date.parse(finished_at))
    if (!(await records.transition(transaction, id, from, status, { ...change, finished_at, expires_at })))
      return undefined
    const ended = await findJob(transaction, id)
    await records.insertDone(transaction, id)
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
