import { sql } from 'kysely'
import { datasetRecords } from '../datasets/dataset-records.ts'
import { jobById } from '../jobs/job-records.ts'
import { resultText } from '../jobs/job-results.ts'
import { modelRecords } from '../models/model-records.ts'
import type { Catalog } from '../storage/database.ts'
import { migrations } from '../storage/migrations/migrations.ts'
import { newerMigrations } from '../storage/newer-migrations.ts'
import { isReadable } from '../storage/unreadable.ts'
import { strayFiles } from './catalog-findings.ts'
import { recordedFiles, referencesIn } from './recorded-files.ts'
import type { CheckedFiles, RunningCheck } from './store-check.ts'

/** Jobs whose ids are read at a time. */
const jobsAtOnce = 500

/**
 * Checks the records of a catalog in PostgreSQL as the API reads them. Servers may run meanwhile.
 * @param snapshot a transaction that sees the rows of one moment
 * @returns the files of all records; undefined if the catalog is of another version
 */
export async function checkDatabase(snapshot: Catalog, running: RunningCheck): Promise<CheckedFiles> {
  const { check, find } = running
  const other = await otherVersion(snapshot)
  if (other !== undefined) {
    find('the database', other)
    return undefined
  }
  for (const [kind, records] of [
    ['model', modelRecords],
    ['data set', datasetRecords],
  ] as const)
    for await (const record of records.each(snapshot, { label: {} })) {
      check.records += 1
      if (!isReadable(record)) find(`the ${kind} ${record.id}`, `cannot be read: ${record.unreadable}`)
    }
  for await (const id of jobIds(snapshot)) {
    const reason = await jobDamage(snapshot, id)
    if (reason !== undefined) find(`the job ${id}`, `cannot be read: ${reason}`)
  }
  for (const question of strayFiles) {
    const { rows } = await sql<{ place: string; message: string }>`${sql.raw(question)}`.execute(snapshot)
    for (const { place, message } of rows) find(place, message)
  }
  return recordedFiles(referencesIn(snapshot), ({ place, message }) => find(place, message))
}

/** Returns the reason in words why this version cannot read the tables; undefined if it can. */
async function otherVersion(snapshot: Catalog): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(snapshot)
  const applied = new Set(rows.map(({ name }) => name))
  try {
    await newerMigrations(snapshot)
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : error}`
  }
  return Object.keys(migrations).some(name => !applied.has(name))
    ? 'was written by an earlier version: start this version once, which brings it up to date'
    : undefined
}

async function* jobIds(snapshot: Catalog): AsyncGenerator<string> {
  let last = ''
  for (;;) {
    const ids = snapshot.selectFrom('jobs').select('id').where('id', '>', last).orderBy('id').limit(jobsAtOnce)
    const rows = await ids.execute()
    if (rows.length === 0) return
    for (const { id } of rows) yield id
    last = rows.at(-1)?.id ?? ''
  }
}

/** Returns the reason why a job or its result cannot be read; undefined if it can. */
async function jobDamage(snapshot: Catalog, id: string): Promise<string | undefined> {
  const stored = await jobById(snapshot, id)
  if (!stored) return undefined
  if (!isReadable(stored.job)) return stored.job.unreadable
  if (stored.resultParts === null) return undefined
  try {
    JSON.parse((await Array.fromAsync(resultText(snapshot, id, stored.resultParts))).join(''))
    return undefined
  } catch (error) {
    return `its result is not whole (${error instanceof Error ? error.message : error})`
  }
}
