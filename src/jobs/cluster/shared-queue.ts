import type { Logger } from 'pino'
import { type JobType, jobType } from '../../../schemas/job.ts'
import type { Catalog } from '../../storage/database.ts'
import type { Notifications } from '../../storage/postgres/notifications.ts'
import type { EndJob } from '../end-job.ts'
import type { JobEvents } from '../job-events.ts'
import type { SharedJobSettings } from '../job-limits.ts'
import type { JobQueue, QueueObserver } from '../job-queue.ts'
import type { UntilWritten } from '../until-written.ts'
import { startHeartbeats } from './heartbeats.ts'
import { startLostEntries } from './lost-entries.ts'
import type { QueueEntries } from './queue-entries.ts'
import { type SharedWorker, startSharedWorker } from './shared-worker.ts'
import { startTakeovers } from './takeovers.ts'

/** Channel of the notifications: `queued <type>` and `cancelled <id>`. */
const channel = 'tureen_queue'

/** Everything that the queue uses. `beats`: the catalog for signs of life, whose statements never wait for long. */
export type SharedQueueServices = {
  catalog: Catalog
  beats: Catalog
  entries: QueueEntries
  notifications: Notifications
  events: JobEvents
  end: EndJob
  untilWritten: UntilWritten
  log: Logger
}

/**
 * Returns the queue of all servers that share a store.
 * @param concurrency most running jobs of one type in this process
 */
export function sharedQueue(
  services: SharedQueueServices,
  concurrency: number,
  { types, heartbeatSeconds, takeoverSeconds }: SharedJobSettings,
  observer: QueueObserver,
): JobQueue {
  const { catalog, beats, entries, notifications, log } = services
  let isClosed = false
  let worker: SharedWorker | undefined
  /** Ends all work of this process, in order. */
  let closeWork = async (): Promise<void> => undefined

  const tellQueued = (through: Catalog, type: JobType) => notifications.tell(through, channel, `queued ${type}`)
  const hear = (text: string) => {
    const [what, of = ''] = text.split(' ')
    if (what === 'queued' && types.some(type => type === of)) worker?.look()
    if (what === 'cancelled') worker?.stop(of, 'cancelled')
  }

  return {
    enqueue: create =>
      catalog.transaction().execute(async transaction => {
        const job = await create(transaction)
        if (!job) return job
        await entries.add(transaction, job.type, [job.id])
        await tellQueued(transaction, job.type)
        return job
      }),
    async work(run) {
      // A server may have to close before its start is over.
      if (isClosed) return
      const working = startSharedWorker({ ...services, observer, types, concurrency }, run, type => {
        void tellQueued(catalog, type)
      })
      worker = working
      const heartbeats = startHeartbeats(beats, entries, working, heartbeatSeconds, log)
      const takeovers = startTakeovers(catalog, entries, takeoverSeconds, log)
      const lost = startLostEntries(catalog, entries, log, () => {
        for (const type of jobType.options) void tellQueued(catalog, type)
      })
      const stopHearing = notifications.listen(channel, hear, () => {
        working.look()
        heartbeats.soon()
      })
      closeWork = async () => {
        stopHearing()
        await Promise.all([takeovers.close(), lost.close()])
        await working.close()
        await heartbeats.close()
      }
    },
    async cancel(id) {
      worker?.stop(id, 'cancelled')
      await notifications.tell(catalog, channel, `cancelled ${id}`)
    },
    async close() {
      isClosed = true
      await closeWork()
      await entries.close()
    },
  }
}
