import type { Logger } from 'pino'
import type { Catalog } from '../storage/database.ts'
import type { Reserve } from '../storage/reserve.ts'
import { logCutOff, settleCutOff } from './cut-off-jobs.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import type { EndJob } from './end-job.ts'
import { beginAttempt, isLastAttempt, takeBackAttempts } from './job-attempts.ts'
import type { JobEvents } from './job-events.ts'
import type { Claim, JobQueue, QueueObserver } from './job-queue.ts'
import * as records from './job-records.ts'
import type { UntilWritten } from './until-written.ts'

/** Everything that the queue uses. `reserve`: a full disk must not make a clean stop count as a death. */
export type QueueServices = {
  catalog: Catalog
  reserve: Reserve
  events: JobEvents
  end: EndJob
  untilWritten: UntilWritten
  log: Logger
}

/**
 * Returns the queue inside this process, for a server that holds its data directory alone.
 * @param concurrency most running jobs of one type
 */
export function embeddedQueue(
  { catalog, reserve, events, end, untilWritten, log }: QueueServices,
  concurrency: number,
  observer: QueueObserver,
): JobQueue {
  /** Jobs whose present start counts if the process dies. */
  const counted = new Set<string>()
  /** Undefined while this process only enqueues jobs. */
  let dispatcher: Dispatcher | undefined
  let closed = false

  const takeBack = async (ids: readonly string[]) => {
    for (const id of ids) counted.delete(id)
    if (ids.length > 0) await reserve.lend(() => takeBackAttempts(catalog, ids))
  }

  const release = async (id: string) => {
    if (counted.has(id)) await takeBack([id])
    await records.transition(catalog, id, ['running'], 'queued')
  }

  /** Never throws. */
  const claimAndRun = async (id: string, signal: AbortSignal, run: (claim: Claim) => Promise<void>) => {
    try {
      const startedAt = records.now()
      if (await untilWritten(id, () => beginAttempt(catalog, id, startedAt))) {
        counted.add(id)
        events.changed(id)
        await run({
          id,
          startedAt,
          signal,
          accompany: () => dispatcher?.accompany(id),
          left(status) {
            counted.delete(id)
            if (status === 'queued') dispatcher?.again(id)
          },
        })
      }
    } catch (error) {
      log.error({ err: error, jobId: id }, 'the start of a job could not be saved')
    }
    try {
      if (signal.reason === 'shutdown') await untilWritten(id, () => release(id))
    } catch (error) {
      log.error({ err: error, jobId: id }, 'a stopped job could not be put back into the queue')
    }
    counted.delete(id)
    events.changed(id)
  }

  const settleDeadProcess = async () => {
    const settle = (transaction: Catalog) => settleCutOff(transaction, end)
    const { cutOff, failed } = await untilWritten(undefined, () =>
      reserve.lend(() => catalog.transaction().execute(settle)),
    )
    for (const job of cutOff) {
      observer.jobCutOff(job.type)
      logCutOff(log, job)
    }
    for (const { job } of failed) {
      observer.jobEnded(job)
      events.changed(job.id)
    }
  }

  return {
    async enqueue(create) {
      const job = await catalog.transaction().execute(create)
      if (job) dispatcher?.enqueue({ id: job.id, lane: job.type, alone: false })
      return job
    },
    async work(run) {
      // A server may have to close before its start is over.
      if (closed) return
      const opening = createDispatcher((id, signal) => claimAndRun(id, signal, run), concurrency)
      dispatcher = opening
      await settleDeadProcess()
      const queued = await untilWritten(undefined, () => records.queuedJobs(catalog))
      const jobs = queued.map(({ id, type, attempts }) => ({ id, lane: type, alone: isLastAttempt(attempts) }))
      opening.open([...jobs.filter(({ alone }) => alone), ...jobs.filter(({ alone }) => !alone)])
    },
    async cancel(id) {
      dispatcher?.stop(id, 'cancelled')
    },
    async close() {
      closed = true
      const stopped = dispatcher?.close()
      // Before the jobs have ended, because the process may have to exit without them.
      await takeBack([...counted]).catch((error: unknown) =>
        log.error({ err: error }, 'the starts of running jobs could not be taken back, and count'),
      )
      await stopped
    },
  }
}
