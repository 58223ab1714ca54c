import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { JobStatus } from '../../schemas/job.ts'

// A waiting job is stored as a queued one with the time since which it waits. Versions that do not know this status so show it as queued, and
// nobody deletes its inputs. They never run it, since they cannot read the request of such a job.

/** The columns that hold the status of a job. */
export type StoredStatus = { status: string; waiting_since: string | null }

/** Returns the status of a job from its row. */
export function statusIn({ status, waiting_since }: StoredStatus): string {
  return status === 'queued' && waiting_since !== null ? 'waiting' : status
}

/** The status of a job in SQL, of a statement in which only jobs have such columns. */
export const statusColumn = sql<string>`case when status = 'queued' and waiting_since is not null then 'waiting' else status end`

/** True in SQL for jobs with one of these statuses, of a statement in which only jobs have such columns. */
export function hasStatus(...statuses: readonly JobStatus[]): RawBuilder<SqlBool> {
  const stored = statuses.filter(status => status !== 'waiting')
  const alternatives = [
    ...stored.map(status =>
      status === 'queued'
        ? sql<SqlBool>`(status = 'queued' and waiting_since is null)`
        : sql<SqlBool>`status = ${status}`,
    ),
    ...(stored.length < statuses.length ? [sql<SqlBool>`(status = 'queued' and waiting_since is not null)`] : []),
  ]
  return sql<SqlBool>`(${sql.join(alternatives, sql` or `)})`
}

/** Returns the columns of a job that gets a status now. */
export function storedStatus(status: JobStatus): StoredStatus {
  if (status === 'waiting') return { status: 'queued', waiting_since: new Date().toISOString() }
  return { status, waiting_since: null }
}
