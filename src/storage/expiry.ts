import type { Catalog } from './database.ts'
import type { RecordTable } from './records/record-tables.ts'

/** Returns the time `ttl` seconds after `from`, as RFC 3339; null without a `ttl`: never. @param from milliseconds since 1970 */
export function expiryAfter(ttl: number | null | undefined, from: number = Date.now()): string | null {
  return ttl === null || ttl === undefined ? null : new Date(from + ttl * 1000).toISOString()
}

/**
 * Extends the life of a record to `wanted`, when a second request asks for the same record. It never shortens the life, which the first
 * request relies on.
 */
export async function extendLife(
  catalog: Catalog,
  table: Exclude<RecordTable, 'jobs'>,
  { id, expiresAt }: { id: string; expiresAt: string | null },
  wanted: string | null,
): Promise<void> {
  if (expiresAt === null || (wanted !== null && wanted <= expiresAt)) return
  await catalog.updateTable(table).set({ expires_at: wanted }).where('id', '=', id).execute()
}

/** Returns the ids of the records that have expired. @param now a time as RFC 3339 */
export async function expiredIds(catalog: Catalog, table: RecordTable, now: string): Promise<string[]> {
  const rows = await catalog.selectFrom(table).select('id').where('expires_at', '<=', now).orderBy('id').execute()
  return rows.map(({ id }) => id)
}
