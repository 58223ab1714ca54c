import type { Logger } from 'pino'
import type { JobItem, JobOf, JobProgress, JobRecord, JobType } from '../../schemas/job.ts'
import { asTureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import type { Catalog } from '../storage/database.ts'
import type { Reserve } from '../storage/reserve.ts'
import { requireReadable } from '../storage/unreadable.ts'
import { type EndJob, wasCancelled } from './end-job.ts'
import { beginAttempt, takeBackAttempts } from './job-attempts.ts'
import * as records from './job-records.ts'
import type { JobContext, RunnableJobTypes } from './job-runner.ts'
import { searchSummaryOf } from './job-summaries.ts'
import { writeResult } from './large-results.ts'
import type { UntilWritten } from './until-written.ts'

const progressMilliseconds = 250

/** The runs of jobs in this process. */
export type JobRuns = {
  /** Runs a queued job to its end. It never throws. */
  run(id: string, signal: AbortSignal): Promise<void>
  /** Takes back the starts of the running jobs, because a clean stop ends them. A full disk must not make them count. */
  takeBack(): Promise<void>
}

/** Hears of the runs. `changed`: a job has another status or progress. `advanced`: a job has kept a new score since it was started. */
export type RunObserver = { changed(id: string): void; jobEnded(job: JobItem): void; advanced(id: string): void }

/** Everything that runs use. */
export type RunServices = {
  catalog: Catalog
  reserve: Reserve
  types: RunnableJobTypes
  log: Logger
  get(id: string): Promise<records.StoredJob>
  end: EndJob
  untilWritten: UntilWritten
}

export function createJobRuns(
  { catalog, reserve, types, log, get, end, untilWritten }: RunServices,
  { changed, jobEnded, advanced }: RunObserver,
): JobRuns {
  /** Jobs whose present start counts if the process dies. */
  const counted = new Set<string>()

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
          if (attempts === 0) advanced(id)
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
        jobEnded(ended.job)
      },
    }
  }

  const start = <Type extends JobType>(
    type: Type,
    request: JobOf<Type>['request'],
    job: JobRecord,
    signal: AbortSignal,
  ): Promise<void> => types[type].runner(request, contextOf<Type>(job, signal))

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
    jobEnded(failed.job)
    log.info({ jobId: id, code: failure.code }, 'a job failed')
  }

  return {
    async run(id, signal) {
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
    },
    takeBack: () => takeBack([...counted]),
  }
}
