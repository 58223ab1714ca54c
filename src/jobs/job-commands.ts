import type { JobItem, JobRecord } from '../../schemas/job.ts'
import { TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import { writeDocument } from '../storage/documents/stored-document.ts'
import { deleteRecord } from '../storage/records/record-tables.ts'
import type { Reserve } from '../storage/reserve.ts'
import { requireReadable } from '../storage/unreadable.ts'
import { type EndJob, findJob, hasEnded, wasCancelled } from './end-job.ts'
import { outsideSearch } from './external/outside-request.ts'
import { jobDocuments } from './job-documents.ts'
import type { JobEvents } from './job-events.ts'
import type { JobQueue } from './job-queue.ts'
import * as records from './job-records.ts'

/** Creates, cancels and deletes jobs. */
export type JobCommands = {
  /**
   * Creates a job, which starts as soon as the queue hands it out.
   * @throws TureenError `TUREEN_NOT_FOUND` if one of its models has just been deleted, `TUREEN_QUEUE_FULL`
   */
  create(job: records.NewJob, keep?: KeepWith<JobRecord>): Promise<JobRecord>
  /** @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_JOB_FINISHED` if the job has succeeded or failed */
  cancel(id: string): Promise<records.StoredJob>
  /**
   * Deletes an ended job with its events. Models that it made stay.
   * @param allow called with the job just before its deletion; it may throw to prevent that
   * @throws TureenError `TUREEN_IN_USE` while the job has not ended
   */
  remove(id: string, allow: (stored: records.StoredJob) => void): Promise<void>
}

/** Everything that the commands use. `reserve`: makes cancelling and deleting possible on a full disk. */
export type CommandServices = { catalog: Catalog; reserve: Reserve; queue: JobQueue; events: JobEvents; end: EndJob }

/**
 * Returns the commands on jobs.
 * @param maximumQueued most queued jobs of all types
 * @param jobEnded hears of each cancelled job
 */
export function createJobCommands(
  { catalog, reserve, queue, events, end }: CommandServices,
  maximumQueued: number,
  jobEnded: (job: JobItem) => void,
): JobCommands {
  return {
    create: (job, keep = nothingBeside) =>
      queue.enqueue(async transaction => {
        const isFull = async (status: 'queued' | 'waiting') =>
          (await records.countQueued(transaction, status)) >= maximumQueued
        if (await isFull('queued')) throw queueFull(maximumQueued, 'queued')
        // A search that waits takes room in the catalog.
        if (outsideSearch(job) && (await isFull('waiting'))) throw queueFull(maximumQueued, 'waiting')
        const id = await records.insertJob(transaction, job)
        const created = requireReadable({ job: id }, (await findJob(transaction, id)).job)
        await keep(transaction, created)
        return created
      }),
    async cancel(id) {
      const error = problemDocument(wasCancelled(id))
      const change = { error: writeDocument(jobDocuments.error, error) }
      const cancelled = await reserve.lend(() =>
        catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', change)),
      )
      if (cancelled) jobEnded(cancelled.job)
      const stored = cancelled ?? (await findJob(catalog, id))
      const { job } = stored
      if (job.status !== 'cancelled') {
        const message = `has already ${job.status}`
        throw new TureenError('TUREEN_JOB_FINISHED', `The job ${id} ${message}. Nothing is left to cancel.`, [
          { job: id, expected: 'queued, running, waiting', actual: job.status, message },
        ])
      }
      await queue.cancel(id)
      events.changed(id)
      return stored
    },
    async remove(id, allow) {
      const removal = async (transaction: Catalog) => {
        const stored = await findJob(transaction, id)
        const { job } = stored
        allow(stored)
        if (!hasEnded(job.status)) {
          const message = `is ${job.status}`
          throw new TureenError('TUREEN_IN_USE', `The job ${id} ${message}. Wait for it or cancel it.`, [
            { job: id, expected: 'succeeded, failed, cancelled', actual: job.status, message },
          ])
        }
        await deleteRecord(transaction, 'jobs', id)
      }
      await reserve.lend(() => catalog.transaction().execute(removal))
    },
  }
}

function queueFull(maximumQueued: number, status: 'queued' | 'waiting'): TureenError {
  const limit = `${maximumQueued.toLocaleString('en')} jobs`
  const found = status === 'queued' ? 'The job queue is full' : 'Too many searches wait for scores from outside'
  return new TureenError(
    'TUREEN_QUEUE_FULL',
    `${found} (${limit}, TUREEN_MAX_QUEUED_JOBS). Try again when jobs have ended, or cancel some.`,
    [{ field: 'TUREEN_MAX_QUEUED_JOBS', expected: `${limit} at most`, message: `${limit} are ${status}` }],
  )
}
