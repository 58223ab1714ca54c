import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Catalog } from './database.ts'

export type Labels = Record<string, string>

/** Stores the labels of a model or job. */
export async function insertLabels(catalog: Catalog, ownerId: string, labels: Labels): Promise<void> {
  const rows = Object.entries(labels).map(([key, value]) => ({ owner_id: ownerId, key, value }))
  if (rows.length > 0) await catalog.insertInto('labels').values(rows).execute()
}

/** The labels of each of the owners, by id. */
export async function labelsOf(catalog: Catalog, ownerIds: readonly string[]): Promise<Map<string, Labels>> {
  const entries = new Map(ownerIds.map((id): [string, [string, string][]] => [id, []]))
  if (ownerIds.length > 0) {
    const rows = await catalog
      .selectFrom('labels')
      .selectAll()
      .where('owner_id', 'in', [...ownerIds])
      .orderBy('key')
      .execute()
    for (const { owner_id, key, value } of rows) entries.get(owner_id)?.push([key, value])
  }
  return new Map([...entries].map(([id, pairs]) => [id, Object.fromEntries(pairs)]))
}

/** Whether the owner, such as `models.id`, has all of the labels. */
export function hasLabels(labels: Labels, owner: 'models.id' | 'datasets.id' | 'jobs.id'): RawBuilder<SqlBool> {
  const conditions = Object.entries(labels).map(
    ([key, value]) =>
      sql`exists (select 1 from labels where owner_id = ${sql.ref(owner)} and key = ${key} and value = ${value})`,
  )
  return sql<SqlBool>`(${sql.join([sql`1 = 1`, ...conditions], sql` and `)})`
}
