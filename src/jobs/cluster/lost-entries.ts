import type { Logger } from 'pino'
import { jobType } from '../../../schemas/job.ts'
import type { Catalog } from '../../storage/database.ts'
import { hasStatus } from '../../storage/job-status.ts'
import { beginnings, isOfNewerVersion } from '../job-documents.ts'
import type { QueueEntries } from './queue-entries.ts'
import { type Rounds, startRounds } from './rounds.ts'

const lookMilliseconds = 30_000

/**
 * Starts to look for queued and running jobs without an entry in the queue, and adds their entries again. pg-boss may have lost them, and an
 * older version of the server drops the entries of jobs that it cannot run.
 * @param onAdded called when there are new entries
 */
export function startLostEntries(catalog: Catalog, entries: QueueEntries, log: Logger, onAdded: () => void): Rounds {
  return startRounds('looks for jobs without an entry in the queue', lookMilliseconds, log, async () => {
    const rows = await catalog
      .selectFrom('jobs')
      .select(['id', 'type'])
      .select(beginnings)
      .where(hasStatus('queued', 'running'))
      .orderBy('id')
      .execute()
    const ours = rows.filter(row => !isOfNewerVersion(row))
    let added = 0
    for (const type of jobType.options) {
      const ids = ours.filter(row => row.type === type).map(({ id }) => id)
      added += await entries.add(catalog, type, ids)
    }
    if (added === 0) return
    log.info({ added }, 'jobs without an entry in the queue have one again')
    onAdded()
  })
}
