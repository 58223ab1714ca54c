import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { isPostgres } from './catalog-sql.ts'
import type { Catalog } from './database.ts'
import type { RecordTable } from './records/record-tables.ts'

// Locks that last until the end of a transaction. SQLite runs one transaction after the other, so it needs none.

/** Lets one transaction after the other go on that locks the same name. */
export async function lockName(transaction: Catalog, name: string): Promise<void> {
  if (!isPostgres(transaction)) return
  const key = createHash('sha256').update(name).digest().readBigInt64BE()
  await sql`select pg_advisory_xact_lock(${key})`.execute(transaction)
}

/** Lets one transaction after the other go on that locks the same row. It returns at once if there is no such row. */
export async function lockRow(transaction: Catalog, table: RecordTable, id: string): Promise<void> {
  if (!isPostgres(transaction)) return
  await transaction.selectFrom(table).select('id').where('id', '=', id).forUpdate().execute()
}

/**
 * Returns true if there is a row with this id. Until the end of the transaction nobody deletes it, or locks it with {@link lockRow}; others
 * may hold it as well.
 */
export async function holdRow(transaction: Catalog, table: Exclude<RecordTable, 'jobs'>, id: string): Promise<boolean> {
  const query = transaction.selectFrom(table).select('id').where('id', '=', id)
  const row = await (isPostgres(transaction) ? query.forKeyShare() : query).executeTakeFirst()
  return row !== undefined
}
