import { sql } from 'kysely'
import { jobStatus } from '../../schemas/job.ts'
import type { Catalog } from './database.ts'

/** Findings that are kept of a check: one damaged page can make thousands. */
const findingsKept = 20

/**
 * What SQLite's `integrity_check` finds: tables, indexes, and whether they agree (`quick_check` does not compare them). None: it is
 * sound. @throws Error if the catalog cannot be asked
 */
export async function integrityFindings(catalog: Catalog): Promise<string[]> {
  try {
    const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(${sql.lit(findingsKept)})`.execute(
      catalog,
    )
    const findings = rows.map(row => row.integrity_check)
    return findings.length === 1 && findings[0] === 'ok' ? [] : findings
  } catch (error) {
    // Some damage stops the check itself (SQLITE_CORRUPT, https://www.sqlite.org/rescode.html#corrupt).
    if (error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === 11) return [error.message]
    throw error
  }
}

/** What the other columns of a job tell of its status. */
const statusOfJob = sql`case
  when result is not null then 'succeeded'
  when error like '%TUREEN_JOB_CANCELLED%' then 'cancelled'
  when error is not null then 'failed'
  when started_at is not null then 'running'
  else 'queued' end`

/**
 * Makes anew what the catalog holds twice, all indexes and the statuses of jobs that are none, if that is all that is damaged: then, and only
 * then, a second check finds nothing, and the catalog is changed. @returns whether it is sound now
 */
export async function mendCatalog(catalog: Catalog): Promise<boolean> {
  try {
    await catalog.transaction().execute(async transaction => {
      // Not by an index, which may be what is damaged.
      await sql`update jobs not indexed set status = ${statusOfJob}
        where status not in (${sql.join(jobStatus.options)})`.execute(transaction)
      await sql`reindex`.execute(transaction)
      const [first] = await integrityFindings(transaction)
      if (first !== undefined) throw new Error(first)
    })
    return true
  } catch {
    return false
  }
}
