import type { Logger } from 'pino'
import type { Catalog } from '../../storage/database.ts'
import type { QueueEntries } from './queue-entries.ts'
import { type Rounds, startRounds } from './rounds.ts'
import type { SharedWorker } from './shared-worker.ts'

/**
 * Starts the heartbeats of the jobs that a worker holds. With each it reads their rows, and stops the jobs that were cancelled, or that
 * another process has started by now. While the database is away, running jobs go on.
 * @param seconds seconds from one heartbeat to the next
 */
export function startHeartbeats(
  catalog: Catalog,
  entries: QueueEntries,
  { held, stop }: Pick<SharedWorker, 'held' | 'stop'>,
  seconds: number,
  log: Logger,
): Rounds {
  return startRounds('the heartbeats of jobs', seconds * 1000, log, async () => {
    const jobs = [...held.values()].filter(({ isSettling }) => !isSettling)
    if (jobs.length === 0) return
    const renewed = await entries.renew(
      catalog,
      jobs.map(({ entry }) => entry),
    )
    const ids = jobs.map(({ entry }) => entry.id)
    const rows = await catalog
      .selectFrom('jobs')
      .select(['id', 'status', 'started_at'])
      .where('id', 'in', ids)
      .execute()
    const known = new Map(rows.map(row => [row.id, row]))
    for (const job of jobs) {
      const { id } = job.entry
      if (held.get(id) !== job || job.isSettling) continue
      const row = known.get(id)
      // Its row is the business of other starts.
      if (job.hasLeft) continue
      if (!row || row.status === 'cancelled') stop(id, 'cancelled')
      // A running job whose entry others may take goes on until one of them does.
      else if (job.start === undefined ? !renewed.has(id) : hasOtherStart(row, job.start.startedAt)) stop(id, 'lost')
    }
  })
}

function hasOtherStart(row: { status: string; started_at: string | null }, startedAt: string): boolean {
  return row.status === 'queued' || (row.status === 'running' && row.started_at !== startedAt)
}
