import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Catalog } from './database.ts'

export type Labels = Record<string, string>

/** Stores the labels of a model, data set or job. */
export async function insertLabels(catalog: Catalog, ownerId: string, labels: Labels): Promise<void> {
  const rows = Object.entries(labels).map(([key, value]) => ({ owner_id: ownerId, key, value }))
  if (rows.length > 0) await catalog.insertInto('labels').values(rows).execute()
}

/**
 * Returns a column with the labels of an owner as a JSON object. It casts keys and values to text, since damage may have changed their types.
 * Labels are read in the statement that reads their owner, so that no deletion comes in between.
 */
export function labelsColumn(owner: 'models.id' | 'datasets.id' | 'jobs.id'): RawBuilder<string> {
  const own = sql`select key, value from labels where owner_id = ${sql.ref(owner)} order by key`
  return sql<string>`(select json_group_object(cast(key as text), cast(value as text)) from (${own}))`
}

/** Returns the condition that an owner has all of the labels. */
export function hasLabels(labels: Labels, owner: 'models.id' | 'datasets.id' | 'jobs.id'): RawBuilder<SqlBool> {
  const conditions = Object.entries(labels).map(
    ([key, value]) =>
      sql`exists (select 1 from labels where owner_id = ${sql.ref(owner)} and key = ${key} and value = ${value})`,
  )
  return sql<SqlBool>`(${sql.join([sql`1 = 1`, ...conditions], sql` and `)})`
}
