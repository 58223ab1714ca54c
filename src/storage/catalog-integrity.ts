import { type RawBuilder, sql } from 'kysely'
import { jobStatus } from '../../schemas/job.ts'
import type { Catalog } from './database.ts'

/** Most findings of one check. One damaged page can give thousands. */
const findingsKept = 20

/**
 * Returns the findings of SQLite's `integrity_check`; none if the catalog is sound. Unlike `quick_check`, it also compares indexes with
 * their tables. @throws Error if the catalog cannot be read
 */
export async function integrityFindings(catalog: Catalog): Promise<string[]> {
  try {
    const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(${sql.lit(findingsKept)})`.execute(
      catalog,
    )
    const findings = rows.map(row => row.integrity_check)
    return findings.length === 1 && findings[0] === 'ok' ? [] : findings
  } catch (error) {
    // Some damage makes the check itself fail (SQLITE_CORRUPT, https://www.sqlite.org/rescode.html#corrupt).
    if (error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === 11) return [error.message]
    throw error
  }
}

/** Columns of which one says that a job has a result: the one of this version, and the one of versions before it. */
const resultColumns = ['result_parts', 'result']

/** Returns an SQL expression for the status of a job, from its other columns. The catalog may be one of an earlier version. */
async function statusOfJob(catalog: Catalog): Promise<RawBuilder<unknown>> {
  const { rows } = await sql<{ name: string }>`select name from pragma_table_info('jobs')`.execute(catalog)
  const present = resultColumns.filter(column => rows.some(({ name }) => name === column))
  const hasResult = sql.join(
    present.map(column => sql`${sql.ref(column)} is not null`),
    sql` or `,
  )
  return sql`case
    when ${hasResult} then 'succeeded'
    when error like '%TUREEN_JOB_CANCELLED%' then 'cancelled'
    when error is not null then 'failed'
    when started_at is not null then 'running'
    else 'queued' end`
}

/**
 * Rebuilds the redundant data of the catalog: all indexes, and invalid statuses of jobs. It keeps the change only if a second check then
 * finds nothing. @returns true if the catalog is sound now
 */
export async function mendCatalog(catalog: Catalog): Promise<boolean> {
  try {
    await catalog.transaction().execute(async transaction => {
      // Do not use an index, since it may be damaged.
      await sql`update jobs not indexed set status = ${await statusOfJob(transaction)}
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
