import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { JobItem, JobListItem, JobOf, JobProgress, JobRecord, JobType } from '../../schemas/job.ts'
import { asTureenError, TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import type { Page } from '../storage/paging.ts'
import type { Reserve } from '../storage/reserve.ts'
import { isReadable, requireReadable } from '../storage/unreadable.ts'
import { logCutOff, settleCutOff } from './cut-off-jobs.ts'
import { type Dispatcher, embeddedDispatcher } from './dispatcher.ts'
import { eventStream } from './event-stream.ts'
import { followChanges } from './follow-changes.ts'
import { beginAttempt, isLastAttempt, takeBackAttempts } from './job-attempts.ts'
import * as records from './job-records.ts'
import { type JobFilters, listJobs, searchSummaryOf } from './job-summaries.ts'
import { type ResultText, resultText, writeResult } from './large-results.ts'
import { sharedReads } from './shared-reads.ts'

/** The context of a running job. */
export type JobContext<Type extends JobType> = {
  id: string
  /** Fires when the job is cancelled or the server stops. The job must then end at once. */
  signal: AbortSignal
  /** Progress of the job when an earlier process ended; null at its first start. */
  resumed: JobProgress | null
  progress(progress: JobProgress): void
  /**
   * Ends the job. `settle` makes its effects visible and returns its result, in one transaction with the new status.
   * @throws TureenError `TUREEN_JOB_CANCELLED` if the job was cancelled meanwhile; then nothing is changed
   */
  succeed(settle: (transaction: Catalog) => Promise<NonNullable<JobOf<Type>['result']> | ResultText>): Promise<void>
}

/** Runs the jobs of one type. It may run twice for one job, and must then have the same effect as one run. */
export type JobRunner<Type extends JobType> = (
  request: JobOf<Type>['request'],
  context: JobContext<Type>,
) => Promise<void>

/** The job types with their runners. */
export type RunnableJobTypes = { [Type in JobType]: { runner: JobRunner<Type> } }

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
const progressMilliseconds = 250
const rewriteMilliseconds = 100
const longestRewriteMilliseconds = 5_000

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
  /** Jobs whose present start counts if the process dies. */
  const counted = new Set<string>()
  const changed = (id: string) => changes.emit(id)

  const find = async (within: Catalog, id: string): Promise<records.StoredJob> => {
    const stored = await records.jobById(within, id)
    if (stored) return stored
    const message = `there is no job ${id}`
    throw new TureenError('TUREEN_NOT_FOUND', `In this store ${message}. GET /v1/jobs lists the jobs.`, [
      { job: id, message },
    ])
  }
  const get = sharedReads((id: string) => find(catalog, id))
  const eventsAfter = sharedReads((id: string, sequence: number) => records.eventsAfter(catalog, id, sequence))
  const hasEnded = async (id: string) => finished.has((await get(id)).job.status)

  /** Ends a job. @returns the ended job; undefined if it had already ended */
  const end = async (
    transaction: Catalog,
    id: string,
    status: 'succeeded' | 'failed' | 'cancelled',
    change: records.JobChanges,
  ): Promise<records.StoredJob | undefined> => {
    const from: JobRecord['status'][] = status === 'cancelled' ? ['queued', 'running'] : ['running']
    const { job } = (await records.jobById(transaction, id)) ?? {}
    if (!job) return undefined
    const finished_at = records.now()
    const expires_at = expiryAfter((isReadable(job) ? job.request.ttl : null) ?? ttl, Date.parse(finished_at))
    if (!(await records.transition(transaction, id, from, status, { ...change, finished_at, expires_at })))
      return undefined
    const ended = await find(transaction, id)
    await records.insertDone(transaction, id)
    return ended
  }

  const contextOf = <Type extends JobType>({ id, progress }: JobRecord, signal: AbortSignal): JobContext<Type> => {
    let last = 0
    let latest: JobProgress | undefined
    return {
      id,
      signal,
      resumed: progress,
      progress(progress) {
        latest = progress
        const now = performance.now()
        if (now - last < progressMilliseconds || signal.aborted) return
        last = now
        const save = async () => {
          const attempts = await catalog.transaction().execute(async transaction => {
            const attempts = await records.saveProgress(transaction, id, progress)
            if (attempts !== undefined) await records.insertEvent(transaction, id, 'progress', progress)
            return attempts
          })
          if (attempts === 0) dispatcher.accompany(id)
          changed(id)
        }
        save().catch((error: unknown) =>
          log.warn({ err: error, jobId: id }, 'the progress of a job could not be saved'),
        )
      },
      async succeed(settle) {
        const ended = await catalog.transaction().execute(async transaction => {
          const result = await settle(transaction)
          const ended = await end(transaction, id, 'succeeded', {
            ...(await writeResult(transaction, id, result)),
            ...('candidates' in result ? { search_summary: JSON.stringify(searchSummaryOf(result)) } : {}),
            ...(latest ? { progress: JSON.stringify(latest) } : {}),
          })
          if (ended) return ended
          throw wasCancelled(id)
        })
        observer.jobEnded(ended.job)
      },
    }
  }

  const start = <Type extends JobType>(
    type: Type,
    request: JobOf<Type>['request'],
    job: JobRecord,
    signal: AbortSignal,
  ): Promise<void> => types[type].runner(request, contextOf<Type>(job, signal))

  /**
   * Writes the status of a job, and retries until the catalog accepts it. Otherwise the status would be wrong until the next start.
   * @param id undefined for several jobs
   */
  const untilWritten = async <Result>(id: string | undefined, write: () => Promise<Result>): Promise<Result> => {
    for (let wait = rewriteMilliseconds; ; wait = Math.min(2 * wait, longestRewriteMilliseconds)) {
      try {
        return await write()
      } catch (error) {
        if (closing.signal.aborted) throw error
        log.error({ err: error, jobId: id }, 'the status of a job could not be saved; the server tries again')
        await delay(wait, undefined, { signal: closing.signal }).catch(() => undefined)
      }
    }
  }

  const run = async (id: string, signal: AbortSignal) => {
    try {
      const startedAt = records.now()
      if (!(await untilWritten(id, () => beginAttempt(catalog, id, startedAt)))) return
      counted.add(id)
      changed(id)
      const job = requireReadable({ job: id }, (await get(id)).job)
      await start(job.type, job.request, job, signal)
      log.info({ jobId: id, type: job.type }, 'a job succeeded')
    } catch (error) {
      await untilWritten(id, () => settleFailure(id, signal, error)).catch((failure: unknown) =>
        log.error({ err: failure, jobId: id }, 'the end of a job could not be saved'),
      )
    } finally {
      counted.delete(id)
      changed(id)
    }
  }

  /** Takes back the starts of jobs that a clean stop ends. A full disk must not make them count. */
  const takeBack = async (ids: readonly string[]) => {
    for (const id of ids) counted.delete(id)
    if (ids.length > 0) await reserve.lend(() => takeBackAttempts(catalog, ids))
  }

  const settleFailure = async (id: string, signal: AbortSignal, error: unknown) => {
    if (signal.aborted && signal.reason === 'shutdown') {
      if (counted.has(id)) await takeBack([id])
      await records.transition(catalog, id, ['running'], 'queued')
      return
    }
    const failure = asTureenError(error)
    if (failure.code === 'TUREEN_INTERNAL' && !signal.aborted)
      log.error({ err: error, jobId: id }, 'a job failed with an unexpected error')
    const problem = JSON.stringify(problemDocument(failure))
    const failed = await catalog
      .transaction()
      .execute(transaction => end(transaction, id, 'failed', { error: problem }))
    if (!failed) return
    observer.jobEnded(failed.job)
    log.info({ jobId: id, code: failure.code }, 'a job failed')
  }

  const dispatcher: Dispatcher = embeddedDispatcher(run, concurrency)

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
        const created = requireReadable({ job: id }, (await find(transaction, id)).job)
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
        const stored = await find(transaction, id)
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
      await takeBack([...counted]).catch((error: unknown) =>
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

function wasCancelled(id: string): TureenError {
  const message = 'was cancelled by a client'
  return new TureenError('TUREEN_JOB_CANCELLED', `The job ${id} ${message}.`, [{ job: id, message }])
}
