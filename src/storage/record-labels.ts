import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { jsonMap } from './catalog-sql.ts'
import type { Catalog } from './database.ts'
import type { RecordTable } from './records/record-tables.ts'

export type Labels = Record<string, string>

/** Columns with the ids of owners of labels. */
type OwnerColumn = `${RecordTable}.id`

/** Stores the labels of a record. */
export async function insertLabels(catalog: Catalog, ownerId: string, labels: Labels): Promise<void> {
  const rows = Object.entries(labels).map(([key, value]) => ({ owner_id: ownerId, key, value }))
  if (rows.length > 0) await catalog.insertInto('labels').values(rows).execute()
}

/**
 * Returns a column with the labels of an owner as a JSON object. Labels are read in the statement that reads their owner, so that no
 * deletion comes in between.
 */
export function labelsColumn(catalog: Catalog, owner: OwnerColumn): RawBuilder<string> {
  return jsonMap(catalog, { table: 'labels', owner: 'owner_id', is: owner, by: 'key' }, 'value')
}

/** Returns the condition that an owner has all of the labels. */
export function hasLabels(labels: Labels, owner: OwnerColumn): RawBuilder<SqlBool> {
  const conditions = Object.entries(labels).map(
    ([key, value]) =>
      sql`exists (select 1 from labels where owner_id = ${sql.ref(owner)} and key = ${key} and value = ${value})`,
  )
  return sql<SqlBool>`(${sql.join([sql`1 = 1`, ...conditions], sql` and `)})`
}
