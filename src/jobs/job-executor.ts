import type { Logger } from 'pino'
import type { JobItem, JobOf, JobProgress, JobRecord, JobType } from '../../schemas/job.ts'
import { asTureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import type { Catalog } from '../storage/database.ts'
import { writeDocument } from '../storage/documents/stored-document.ts'
import { mayRunAgain } from '../storage/lost-database.ts'
import { notWaiting, waitingForDatabase } from '../storage/patience.ts'
import { lockRow } from '../storage/row-locks.ts'
import { requireReadable } from '../storage/unreadable.ts'
import { type EndJob, findJob, wasCancelled } from './end-job.ts'
import { jobDocuments } from './job-documents.ts'
import { insertProgress } from './job-event-rows.ts'
import type { JobEvents } from './job-events.ts'
import type { Claim, JobQueue } from './job-queue.ts'
import { isPresentStart, saveProgress, transition } from './job-records.ts'
import { writeResult } from './job-results.ts'
import type { JobContext, RunnableJobTypes } from './job-runner.ts'
import { searchSummaryOf } from './job-summaries.ts'
import type { UntilWritten } from './until-written.ts'

const progressMilliseconds = 250

/** Runs the jobs that the queue hands to this process. */
export type JobExecutor = {
  /** Starts to run jobs, first those that were queued or running when the earlier process ended. Fails those that had their last attempt. */
  start(): Promise<void>
  /** Stops running jobs, which go back to the queue and do not count this start. */
  close(): Promise<void>
}

/** Everything that the executor uses. */
export type ExecutorServices = {
  catalog: Catalog
  queue: JobQueue
  events: JobEvents
  types: RunnableJobTypes
  end: EndJob
  untilWritten: UntilWritten
  log: Logger
}

/** Returns the executor of jobs. @param jobEnded hears of each job that succeeds or fails */
export function createJobExecutor(
  { catalog, queue, events, types, end, untilWritten, log }: ExecutorServices,
  jobEnded: (job: JobItem) => void,
): JobExecutor {
  const contextOf = <Type extends JobType>({ progress }: JobRecord, claim: Claim): JobContext<Type> => {
    const { id, startedAt, signal } = claim
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
            const attempts = await saveProgress(transaction, claim, progress)
            if (attempts !== undefined) await insertProgress(transaction, id, progress)
            return attempts
          })
          if (attempts === 0) claim.accompany()
          events.changed(id)
        }
        notWaiting(save).catch((error: unknown) =>
          log.warn({ err: error, jobId: id }, 'the progress of a job could not be saved'),
        )
      },
      async succeed(settle) {
        const ended = await catalog.transaction().execute(async transaction => {
          // Another start of the job may have ended it, and its result must not be written twice.
          if (!(await isPresentStart(transaction, claim))) throw wasCancelled(id)
          const result = await settle(transaction)
          const changes = {
            result_parts: await writeResult(transaction, id, result),
            ...('candidates' in result
              ? { search_summary: writeDocument(jobDocuments.search_summary, searchSummaryOf(result)) }
              : {}),
            ...(latest ? { progress: writeDocument(jobDocuments.progress, latest) } : {}),
          }
          const ended = await end(transaction, id, 'succeeded', changes, startedAt)
          if (ended) return ended
          throw wasCancelled(id)
        })
        jobEnded(ended.job)
        log.info({ jobId: id, type: ended.job.type }, 'a job succeeded')
      },
      async waitFor(want) {
        const status = await catalog.transaction().execute(async transaction => {
          // What it waits for may come at the same time. Either that transaction finds the job waiting, or this one finds all of it there.
          await lockRow(transaction, 'jobs', id)
          if (!(await isPresentStart(transaction, claim))) throw wasCancelled(id)
          const status = (await want(transaction)) ? 'waiting' : 'queued'
          const changes = {
            attempts: 0,
            ...(latest ? { progress: writeDocument(jobDocuments.progress, latest) } : {}),
          }
          await transition(transaction, id, ['running'], status, changes, startedAt)
          if (latest) await insertProgress(transaction, id, latest)
          return status
        })
        claim.left(status)
        events.changed(id)
        log.info({ jobId: id, status }, 'a job has asked for what it needs from outside')
      },
    }
  }

  const start = <Type extends JobType>(
    type: Type,
    request: JobOf<Type>['request'],
    job: JobRecord,
    claim: Claim,
  ): Promise<void> => types[type].runner(request, contextOf<Type>(job, claim))

  const settleFailure = async ({ id, startedAt, signal }: Claim, error: unknown) => {
    const failure = asTureenError(error)
    if (failure.code === 'TUREEN_INTERNAL' && !signal.aborted)
      log.error({ err: error, jobId: id }, 'a job failed with an unexpected error')
    const problem = writeDocument(jobDocuments.error, problemDocument(failure))
    const failed = await catalog
      .transaction()
      .execute(transaction => end(transaction, id, 'failed', { error: problem }, startedAt))
    if (!failed) return
    jobEnded(failed.job)
    log.info({ jobId: id, code: failure.code }, 'a job failed')
  }

  /** Runs a job, and runs it again each time the answer to one of its writes is lost. A write that was kept has the same effect twice. */
  const untilAnswered = async (claim: Claim) => {
    const { id, signal } = claim
    for (let isAgain = false; ; isAgain = true) {
      const job = requireReadable({ job: id }, (await findJob(catalog, id)).job)
      if (isAgain && job.status === 'succeeded') jobEnded(job)
      if (isAgain && (job.status === 'waiting' || job.status === 'queued')) claim.left(job.status)
      if (isAgain && job.status !== 'running') return
      try {
        await start(job.type, job.request, job, claim)
        return
      } catch (error) {
        if (signal.aborted || !mayRunAgain(error)) throw error
        log.warn({ err: error, jobId: id }, 'a job runs again because the database was lost during a write')
      }
    }
  }

  /** Runs a job to its end, unless the process stops or another one has taken the job. It never throws. */
  const run = async (claim: Claim) => {
    const { id, signal } = claim
    try {
      await waitingForDatabase(signal, () => untilAnswered(claim))
    } catch (error) {
      if (signal.reason === 'shutdown' || signal.reason === 'lost') return
      await untilWritten(id, () => settleFailure(claim, error)).catch((failure: unknown) =>
        log.error({ err: failure, jobId: id }, 'the end of a job could not be saved'),
      )
    }
  }

  return { start: () => queue.work(run), close: () => queue.close() }
}
