import { sql } from 'kysely'
import { digest } from '../../../schemas/common.ts'
import type { Catalog } from '../database.ts'
import { freeKeysOf } from '../idempotency-keys.ts'

/** A table whose rows belong to records. `owner`: its column with the id of the record; `holdsContent`: true if a row names content. */
type OwnedTable = {
  table: 'model_files' | 'dataset_files' | 'job_inputs' | 'job_events' | 'job_result_parts'
  owner: 'model_id' | 'dataset_id' | 'job_id'
  holdsContent: boolean
}

/** The tables of records. */
export const recordKinds = ['models', 'datasets', 'exports', 'jobs'] as const

export type RecordTable = (typeof recordKinds)[number]

/** The tables whose rows go with the records of each table. Labels and idempotency keys go with records of all tables. */
export const recordTables: Record<RecordTable, readonly OwnedTable[]> = {
  models: [{ table: 'model_files', owner: 'model_id', holdsContent: true }],
  datasets: [{ table: 'dataset_files', owner: 'dataset_id', holdsContent: true }],
  exports: [],
  jobs: [
    { table: 'job_inputs', owner: 'job_id', holdsContent: false },
    { table: 'job_events', owner: 'job_id', holdsContent: false },
    { table: 'job_result_parts', owner: 'job_id', holdsContent: false },
  ],
}

/**
 * Deletes a record with all of its rows, even if it cannot be read.
 * @returns the digests of content that the record named; damaged ones are left out
 */
export async function deleteRecord(transaction: Catalog, table: RecordTable, id: string): Promise<string[]> {
  const digests: string[] = []
  for (const { table: owned, owner, holdsContent } of recordTables[table]) {
    const own = sql`from ${sql.table(owned)} where ${sql.ref(owner)} = ${id}`
    if (holdsContent) {
      const { rows } = await sql<{ sha256: string }>`select sha256 ${own}`.execute(transaction)
      digests.push(...rows.map(({ sha256 }) => sha256).filter(sha256 => digest.safeParse(sha256).success))
    }
    await sql`delete ${own}`.execute(transaction)
  }
  await transaction.deleteFrom('labels').where('owner_id', '=', id).execute()
  await freeKeysOf(transaction, id)
  await transaction.deleteFrom(table).where('id', '=', id).execute()
  return digests
}
