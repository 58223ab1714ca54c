import type { Logger } from 'pino'
import type { Catalog } from '../storage/database.ts'
import { statusColumn } from '../storage/job-status.ts'
import { beginnings, isOfNewerVersion } from './job-documents.ts'

/** Tells the log of the server which unfinished jobs a newer version wrote. They stay as they are. */
export async function tellOfNewerJobs(catalog: Catalog, log: Logger): Promise<void> {
  const unfinished = await catalog
    .selectFrom('jobs')
    .select(['id', 'type', statusColumn.as('status')])
    .select(beginnings)
    .where('status', 'in', ['queued', 'running'])
    .execute()
  for (const { id, type, status } of unfinished.filter(isOfNewerVersion))
    log.warn(
      { jobId: id, type, status },
      'a newer version of Tureen made this job; it stays as it is until that version starts again, or until a client cancels it',
    )
}
