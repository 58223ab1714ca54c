import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { sharedEvents } from '../jobs/cluster/shared-events.ts'
import { sharedQueue } from '../jobs/cluster/shared-queue.ts'
import { embeddedEvents } from '../jobs/embedded-events.ts'
import { embeddedQueue, type QueueServices } from '../jobs/embedded-queue.ts'
import { hasEnded, jobEnder } from '../jobs/end-job.ts'
import { createEventStream } from '../jobs/event-stream.ts'
import { createCandidateLedger } from '../jobs/external/create-ledger.ts'
import { createExternalUpkeep } from '../jobs/external/external-upkeep.ts'
import { createLeaseWithin } from '../jobs/external/lease-within.ts'
import { createJobCommands } from '../jobs/job-commands.ts'
import { createJobExecutor } from '../jobs/job-executor.ts'
import type { JobLimits } from '../jobs/job-limits.ts'
import { createJobQueries } from '../jobs/job-queries.ts'
import type { JobQueue, QueueObserver } from '../jobs/job-queue.ts'
import type { RunnableJobTypes } from '../jobs/job-runner.ts'
import { statusWriter } from '../jobs/until-written.ts'
import type { Storage } from './storage.ts'

/** The parts of the service that create, show, follow and run jobs. */
export type Jobs = ReturnType<typeof createJobs>

/** Returns a queue that uses these services. */
export type QueueOf = (services: QueueServices) => JobQueue

/**
 * Returns the function that makes the queue of all servers of a shared store; undefined if one server has its store alone.
 * @param observer hears of jobs that the queue fails
 */
export async function openSharedQueue(
  { jobs, sharedJobs }: Pick<Config, 'jobs' | 'sharedJobs'>,
  { catalog, notifications, beats }: Pick<Storage, 'catalog' | 'notifications' | 'beats'>,
  log: Logger,
  observer: QueueObserver,
): Promise<QueueOf | undefined> {
  if (!notifications || !beats) return undefined
  // pg-boss takes memory and time, which servers that have their store alone do not spend.
  const { openQueueEntries } = await import('../jobs/cluster/queue-entries.ts')
  const entries = await openQueueEntries(catalog, log)
  return services => sharedQueue({ ...services, beats, entries, notifications }, jobs.concurrency, sharedJobs, observer)
}

/** How searches wait for scores from outside. `clock`: milliseconds since 1970. */
export type OutsideSettings = { clock: () => number; externalIdleSeconds: number }

/**
 * Returns the jobs of a store.
 * @param closing fires when the server closes: waits and event streams end
 * @param queueOf makes the queue of several servers; undefined: the queue is inside this process
 */
export function createJobs(
  { catalog, notifications, reserve }: Pick<Storage, 'catalog' | 'notifications' | 'reserve'>,
  types: RunnableJobTypes,
  log: Logger,
  { concurrency, maximumQueued, ttl }: JobLimits,
  observer: QueueObserver,
  closing: AbortSignal,
  queueOf: QueueOf = services => embeddedQueue(services, concurrency, observer),
  { clock, externalIdleSeconds }: OutsideSettings = { clock: Date.now, externalIdleSeconds: 86_400 },
) {
  const events = notifications ? sharedEvents({ catalog, notifications, closing, log }) : embeddedEvents()
  const services = { catalog, reserve, events, end: jobEnder(ttl), untilWritten: statusWriter(log, closing), log }
  const queue = queueOf(services)
  const jobEnded = observer.jobEnded.bind(observer)
  const queries = createJobQueries(catalog, events, closing)
  const ledgerServices = { ...services, queue, clock }
  const ledger = createCandidateLedger(ledgerServices)
  const hasJobEnded = async (id: string) => hasEnded((await queries.get(id)).job.status)
  return {
    ledger,
    lease: createLeaseWithin(ledger, events, hasJobEnded, closing, clock),
    external: createExternalUpkeep(ledgerServices, externalIdleSeconds, jobEnded),
    commands: createJobCommands({ ...services, queue }, maximumQueued, jobEnded),
    queries,
    stream: createEventStream(catalog, events, queries, closing),
    executor: createJobExecutor({ ...services, queue, types }, jobEnded),
  }
}
