import { sql } from 'kysely'
import type { Catalog } from '../storage/database.ts'
import { hasStatus, storedStatus } from '../storage/job-status.ts'
import { isPresentStart } from './job-records.ts'

// A job that crashes the server would crash it again at every start. So starts are counted in the catalog, and the count
// goes back to 0 with every new score (`resetAttempts` in `src/storage/scores.ts`).

/** A job fails when the server dies during its start with this number. */
export const maximumAttempts = 3

/**
 * Starts a queued job, and counts the start before anything of the job runs.
 * @param startedAt the time of the start, which tells it from others. With the same time the function can be called again after an error
 * @returns false if the job was not queued
 */
export async function beginAttempt(catalog: Catalog, id: string, startedAt: string): Promise<boolean> {
  const { numUpdatedRows } = await catalog
    .updateTable('jobs')
    .set({ ...storedStatus('running'), started_at: startedAt, attempts: sql`coalesce(attempts, 0) + 1` })
    .where('id', '=', id)
    .where(hasStatus('queued'))
    .executeTakeFirst()
  if (numUpdatedRows > 0) return true
  // The thread of the catalog may have died between the write and its answer.
  return isPresentStart(catalog, { id, startedAt })
}

/** Takes back the last start of each job, because a clean stop ends it. The job may be in the queue again by now. */
export async function takeBackAttempts(catalog: Catalog, ids: readonly string[]): Promise<void> {
  await catalog
    .updateTable('jobs')
    .set({ attempts: sql`case when attempts > 1 then attempts - 1 else 0 end` })
    .where('id', 'in', [...ids])
    .where('status', 'in', ['running', 'queued'])
    .execute()
}

/** True if the next start of a job is its last one. It then runs alone: only the job itself can be blamed for a further crash. */
export function isLastAttempt(attempts: number | null): boolean {
  return (attempts ?? 0) >= maximumAttempts - 1
}
