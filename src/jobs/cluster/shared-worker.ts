import type { Logger } from 'pino'
import type { JobType } from '../../../schemas/job.ts'
import type { Catalog } from '../../storage/database.ts'
import { logCutOff } from '../cut-off-jobs.ts'
import { createDispatcher } from '../dispatcher.ts'
import type { EndJob } from '../end-job.ts'
import { isLastAttempt, maximumAttempts } from '../job-attempts.ts'
import type { JobEvents } from '../job-events.ts'
import type { AbortReason, Claim, QueueObserver } from '../job-queue.ts'
import { now } from '../job-records.ts'
import type { UntilWritten } from '../until-written.ts'
import { createHandBack } from './hand-back.ts'
import type { HeldEntry, QueueEntries } from './queue-entries.ts'
import { type Rounds, startRounds } from './rounds.ts'
import {
  type CountedStart,
  fetchedJobs,
  isOurs,
  releaseShared,
  settleEntry,
  startShared,
  takeBackStart,
} from './shared-starts.ts'

/** Milliseconds between two looks for jobs that no notification told of: those of silent processes. */
const lookMilliseconds = 1_000

/**
 * A job that this process holds. `start`: its start, once it runs. `isAlone`: no other job may run at the same time. `hasLeft`: the job waits,
 * or is queued again, and its run ends soon. `isSettling`: its entry is about to leave the process.
 */
export type HeldJob = {
  entry: HeldEntry
  start: CountedStart | undefined
  isAlone: boolean
  hasLeft: boolean
  isSettling: boolean
}

/** Takes jobs of a shared queue, and runs them in this process. */
export type SharedWorker = {
  /** The jobs that the process holds, by id. */
  held: ReadonlyMap<string, HeldJob>
  /** Looks for jobs at once. */
  look(): void
  /** Stops a job, if this process has it. Nothing waits for it any more. */
  stop(id: string, reason: AbortReason): void
  /** Takes no further job, stops the running ones, which go back into the queue, and waits for them. */
  close(): Promise<void>
}

/**
 * Everything that a worker of a shared queue uses. `beats`: the catalog for statements that must not wait for long; `types`: job types that it
 * runs; `concurrency`: most running jobs of one type.
 */
export type SharedWorkerServices = {
  catalog: Catalog
  beats: Catalog
  entries: QueueEntries
  events: JobEvents
  end: EndJob
  untilWritten: UntilWritten
  observer: QueueObserver
  types: readonly JobType[]
  concurrency: number
  log: Logger
}

/** Starts a worker. @param onReleased hears of each job that goes back into the queue */
export function startSharedWorker(
  { catalog, beats, entries, events, end, untilWritten, observer, types, concurrency, log }: SharedWorkerServices,
  run: (claim: Claim) => Promise<void>,
  onReleased: (type: JobType) => void,
): SharedWorker {
  const held = new Map<string, HeldJob>()
  let looking: Rounds | undefined
  let isClosed = false
  const handBack = createHandBack()

  /** Starts a job. @returns the start; undefined if the job needs none */
  const begin = async (job: HeldJob, startedAt: string): Promise<CountedStart | undefined> => {
    const { id } = job.entry
    const start = await untilWritten(id, () => startShared(catalog, entries, end, job.entry, startedAt))
    if (start.kind !== 'none' && start.cutOff) {
      observer.jobCutOff(start.cutOff.type)
      logCutOff(log, start.cutOff)
    }
    if (start.kind === 'failed' && start.job) {
      observer.jobEnded(start.job.job)
      events.changed(id)
    }
    return start.kind === 'begun' ? { startedAt, attempts: start.attempts } : undefined
  }

  const settle = async ({ entry }: HeldJob) => {
    const isFree = await untilWritten(entry.id, () => settleEntry(catalog, entries, entry))
    if (isFree) onReleased(entry.type)
  }

  const release = async (job: HeldJob) => {
    const { entry, start, hasLeft } = job
    if (hasLeft) return settle(job)
    await handBack.untilDone(() => releaseShared(beats, entries, entry, start))
    onReleased(entry.type)
  }

  /** Never throws. An entry that it cannot settle is silent from then on, and another process takes it. */
  const beginAndRun = async (id: string, signal: AbortSignal) => {
    const job = held.get(id)
    if (!job) return
    try {
      const startedAt = now()
      const start = await begin(job, startedAt)
      if (start) {
        job.start = start
        events.changed(id)
        // It may have been stopped while its start was written.
        if (!signal.aborted)
          await run({ id, startedAt, signal, accompany: () => accompany(job), left: () => leave(job) })
      }
      job.isSettling = true
      if (signal.reason === 'shutdown') await release(job)
      else if (job.hasLeft) await settle(job)
      else if (start && signal.reason !== 'lost') await untilWritten(id, () => entries.remove(catalog, job.entry))
    } catch (error) {
      log.error({ err: error, jobId: id }, 'a job could not be settled in the queue; another start settles it')
    }
    forget([job])
    events.changed(id)
    looking?.soon()
  }

  const dispatcher = createDispatcher(beginAndRun, concurrency)

  const accompany = (job: HeldJob) => {
    if (!job.isAlone) return
    job.isAlone = false
    dispatcher.accompany(job.entry.id)
    looking?.soon()
  }

  const leave = (job: HeldJob) => {
    job.hasLeft = true
  }

  /** Returns how many more jobs of a type may run. A process with a job that runs alone, or waits for that, takes no further one. */
  const room = (type: JobType): number => {
    const jobs = [...held.values()]
    if (jobs.some(({ isAlone }) => isAlone)) return 0
    return concurrency - jobs.filter(({ entry }) => entry.type === type).length
  }

  /** Forgets jobs of which it knows no more. Their entries become silent, and any process takes them. */
  const forget = (jobs: Iterable<HeldJob>) => {
    for (const job of jobs) if (held.get(job.entry.id) === job) held.delete(job.entry.id)
  }

  /** Dispatches fetched jobs, and removes the entries of those that need no run. */
  const dispatch = async (fetched: readonly HeldJob[]) => {
    const ids = fetched.map(({ entry }) => entry.id)
    const rows = await fetchedJobs(catalog, ids)
      .execute()
      .catch((error: unknown) => {
        forget(fetched)
        throw error
      })
    const ours = new Map(rows.filter(isOurs).map(row => [row.id, row.attempts ?? 0]))
    for (const job of fetched) {
      const { id, type } = job.entry
      const attempts = ours.get(id)
      if (attempts === undefined) continue
      // A job that had its last attempt only fails.
      job.isAlone = isLastAttempt(attempts) && attempts < maximumAttempts
      dispatcher.enqueue({ id, lane: type, alone: job.isAlone })
    }
    const others = fetched.filter(({ entry }) => !ours.has(entry.id))
    // Before the removal, which may fail. The dispatched jobs then go on, and need their heartbeats.
    forget(others)
    for (const { entry } of others) await settleEntry(catalog, entries, entry)
  }

  /**
   * Holds fetched entries. One of a job that already runs here was silent, and continues under the new fetch. One of a job whose run ends here
   * starts it again after that. @returns the other jobs
   */
  const hold = (fetched: readonly HeldEntry[]): HeldJob[] =>
    fetched.flatMap(entry => {
      const running = held.get(entry.id)
      if (running && !running.isSettling) {
        running.entry = entry
        return []
      }
      const job = { entry, start: undefined, isAlone: false, hasLeft: false, isSettling: false }
      held.set(entry.id, job)
      return [job]
    })

  const take = async (type: JobType) => {
    for (;;) {
      const most = room(type)
      if (most <= 0 || isClosed) return
      const fetched = await entries.fetch(type, most)
      await dispatch(hold(fetched))
      if (fetched.length < most) return
    }
  }

  const takeBack = async ({ entry, start }: HeldJob) => {
    if (start) await handBack.untilDone(() => takeBackStart(beats, entry.id, start))
  }

  dispatcher.open([])
  looking = startRounds('looks for jobs', lookMilliseconds, log, async () => {
    for (const type of types) await take(type)
  })
  return {
    held,
    look: looking.soon,
    stop(id, reason) {
      if (dispatcher.stop(id, reason)) return
      const job = held.get(id)
      if (!job || job.isSettling) return
      forget([job])
      // Another process drops the entry if this one cannot.
      if (reason === 'cancelled') entries.remove(catalog, job.entry).catch(() => undefined)
    },
    async close() {
      isClosed = true
      handBack.begin()
      const stopped = dispatcher.close()
      // Before the jobs have ended, because the process may have to exit without them.
      await Promise.all([...held.values()].map(takeBack)).catch((error: unknown) =>
        log.error({ err: error }, 'the starts of running jobs could not be taken back, and count'),
      )
      await looking.close()
      await stopped
      for (const job of [...held.values()])
        await release(job).catch((error: unknown) =>
          log.warn(
            { err: error, jobId: job.entry.id },
            'a job goes back into the queue only after TUREEN_TAKEOVER_SECONDS',
          ),
        )
    },
  }
}
