import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { JobItem, JobListItem, JobRecord } from '../../schemas/job.ts'
import { TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import type { Page } from '../storage/paging.ts'
import type { Reserve } from '../storage/reserve.ts'
import { requireReadable } from '../storage/unreadable.ts'
import { logCutOff, settleCutOff } from './cut-off-jobs.ts'
import { type Dispatcher, embeddedDispatcher } from './dispatcher.ts'
import { findJob, jobEnder, wasCancelled } from './end-job.ts'
import { eventStream } from './event-stream.ts'
import { followChanges } from './follow-changes.ts'
import { isLastAttempt } from './job-attempts.ts'
import * as records from './job-records.ts'
import type { RunnableJobTypes } from './job-runner.ts'
import { createJobRuns } from './job-runs.ts'
import { type JobFilters, listJobs } from './job-summaries.ts'
import { resultText } from './large-results.ts'
import { sharedReads } from './shared-reads.ts'
import { statusWriter } from './until-written.ts'

export type JobService = {
  /**
   * Creates and starts a job.
   * @throws TureenError `TUREEN_NOT_FOUND` if one of its models has just been deleted, `TUREEN_QUEUE_FULL`
   */
  create(job: records.NewJob, keep?: KeepWith<JobRecord>): Promise<JobRecord>
  get(id: string): Promise<records.StoredJob>
  /** Yields the JSON text of a job in pieces. It reads a large result piece by piece. */
  text(stored: records.StoredJob): AsyncGenerator<string>
  list(filters: JobFilters): Promise<Page<JobListItem>>
  /** Waits until a job ends, `seconds` have passed, or `signal` fires. @returns the job at that time */
  wait(id: string, seconds: number, signal: AbortSignal): Promise<records.StoredJob>
  cancel(id: string): Promise<records.StoredJob>
  /**
   * Deletes an ended job with its events. Models that it made stay.
   * @param allow called with the job just before its deletion; it may throw to prevent that
   * @throws TureenError `TUREEN_IN_USE` while the job is queued or running
   */
  remove(id: string, allow: (stored: records.StoredJob) => void): Promise<void>
  /** Yields the events after number `after` as they occur, and null as a sign of life: see {@link eventStream}. */
  events(id: string, after: number, signal: AbortSignal): AsyncGenerator<records.JobEvent | null>
  /** Starts the jobs that were queued or running when the earlier process ended. Fails those that had their last attempt. */
  resume(): Promise<void>
  /** Stops running jobs, which go back to the queue and do not count this start, and ends waiting requests. */
  close(): Promise<void>
}

const finished: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled'])

/**
 * Limits of jobs. `concurrency`: most running jobs of one type. `maximumQueued`: most queued jobs of all types. `ttl`: seconds from the end
 * of a job until it expires, if its request has no `ttl`; null: never.
 */
export type JobLimits = { concurrency: number; maximumQueued: number; ttl: number | null }

/** Hears of ended jobs, and of jobs that the death of an earlier process cut off. `type`: as the catalog has it. */
export type JobObserver = { jobEnded(job: JobItem): void; jobCutOff(type: string): void }

/**
 * Returns the service that creates, runs and shows jobs.
 * @param store the catalog, and a reserve that makes cancelling and deleting possible on a full disk
 */
export function createJobService(
  { catalog, reserve }: { catalog: Catalog; reserve: Reserve },
  types: RunnableJobTypes,
  log: Logger,
  { concurrency, maximumQueued, ttl }: JobLimits,
  observer: JobObserver,
): JobService {
  const changes = new EventEmitter().setMaxListeners(0)
  const closing = new AbortController()
  const changed = (id: string) => void changes.emit(id)
  const end = jobEnder(ttl)
  const untilWritten = statusWriter(log, closing.signal)

  const get = sharedReads((id: string) => findJob(catalog, id))
  const eventsAfter = sharedReads((id: string, sequence: number) => records.eventsAfter(catalog, id, sequence))
  const hasEnded = async (id: string) => finished.has((await get(id)).job.status)

  const runs = createJobRuns(
    { catalog, reserve, types, log, get, end, untilWritten },
    { changed, jobEnded: job => observer.jobEnded(job), advanced: id => dispatcher.accompany(id) },
  )
  const dispatcher: Dispatcher = embeddedDispatcher(runs.run, concurrency)

  return {
    get,
    async *text({ job, resultParts }) {
      const text = JSON.stringify(job)
      if (resultParts === null) return yield text
      yield `${text.slice(0, -1)},"result":`
      yield* resultText(catalog, job.id, resultParts)
      yield '}'
    },
    list: filters => listJobs(catalog, filters),
    async create(job, keep = nothingBeside) {
      const created = await catalog.transaction().execute(async transaction => {
        if ((await records.countQueued(transaction)) >= maximumQueued) throw queueFull(maximumQueued)
        const id = await records.insertJob(transaction, job)
        const created = requireReadable({ job: id }, (await findJob(transaction, id)).job)
        await keep(transaction, created)
        return created
      })
      dispatcher.enqueue(created.id, created.type)
      return created
    },
    async wait(id, seconds, signal) {
      const over = AbortSignal.any([signal, closing.signal])
      const until = performance.now() + seconds * 1000
      const followed = followChanges(changes, id, over)
      try {
        for (;;) {
          const stored = await get(id)
          const left = until - performance.now()
          if (finished.has(stored.job.status) || over.aborted || left <= 0) return stored
          await followed.next(left)
          // Nobody waits any more: what was read last will do.
          if (signal.aborted) return stored
        }
      } finally {
        followed.close()
      }
    },
    async cancel(id) {
      const error = problemDocument(wasCancelled(id))
      const change = { error: JSON.stringify(error) }
      const cancelled = await reserve.lend(() =>
        catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', change)),
      )
      if (cancelled) observer.jobEnded(cancelled.job)
      const stored = cancelled ?? (await get(id))
      const { job } = stored
      if (job.status !== 'cancelled') {
        const message = `has already ${job.status}`
        throw new TureenError('TUREEN_JOB_FINISHED', `The job ${id} ${message}. Nothing is left to cancel.`, [
          { job: id, expected: 'queued, running', actual: job.status, message },
        ])
      }
      dispatcher.cancel(id)
      changed(id)
      return stored
    },
    async remove(id, allow) {
      const removal = async (transaction: Catalog) => {
        const stored = await findJob(transaction, id)
        const { job } = stored
        allow(stored)
        if (!finished.has(job.status)) {
          const message = `is ${job.status}`
          throw new TureenError('TUREEN_IN_USE', `The job ${id} ${message}. Wait for it or cancel it.`, [
            { job: id, expected: [...finished].join(', '), actual: job.status, message },
          ])
        }
        await records.deleteJob(transaction, id)
      }
      await reserve.lend(() => catalog.transaction().execute(removal))
    },
    events: (id, after, signal) =>
      eventStream({ changes, eventsAfter, hasEnded }, id, after, AbortSignal.any([signal, closing.signal])),
    async resume() {
      const settle = (transaction: Catalog) =>
        settleCutOff(transaction, dispatcher.running(), (id, error) =>
          end(transaction, id, 'failed', { error: JSON.stringify(problemDocument(error)) }),
        )
      const { cutOff, failed } = await untilWritten(undefined, () =>
        reserve.lend(() => catalog.transaction().execute(settle)),
      )
      for (const job of cutOff) {
        observer.jobCutOff(job.type)
        logCutOff(log, job)
      }
      for (const { job } of failed) {
        observer.jobEnded(job)
        changed(job.id)
      }
      const queued = await untilWritten(undefined, () => records.queuedJobs(catalog))
      const byTurn = Map.groupBy(queued, ({ attempts }) => isLastAttempt(attempts))
      for (const { id, type } of byTurn.get(true) ?? []) dispatcher.enqueue(id, type, true)
      for (const { id, type } of byTurn.get(false) ?? []) dispatcher.enqueue(id, type)
    },
    async close() {
      closing.abort()
      const closed = dispatcher.close()
      // Before the jobs have ended, because the process may have to exit without them.
      await runs
        .takeBack()
        .catch((error: unknown) =>
          log.error({ err: error }, 'the starts of running jobs could not be taken back, and count'),
        )
      await closed
    },
  }
}

function queueFull(maximumQueued: number): TureenError {
  const limit = `${maximumQueued.toLocaleString('en')} jobs`
  return new TureenError(
    'TUREEN_QUEUE_FULL',
    `The job queue is full (${limit}, TUREEN_MAX_QUEUED_JOBS). Try again when jobs have ended, or cancel some.`,
    [{ field: 'TUREEN_MAX_QUEUED_JOBS', expected: `${limit} at most`, message: `${limit} are queued` }],
  )
}
