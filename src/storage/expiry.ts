import type { Catalog } from './database.ts'

/** When what is made, or ends, at `from` (milliseconds since 1970) expires after `ttl` seconds; null for never. */
export function expiryAfter(ttl: number | null | undefined, from: number = Date.now()): string | null {
  return ttl === null || ttl === undefined ? null : new Date(from + ttl * 1000).toISOString()
}

/**
 * Lets a record that was asked for once more live until `wanted`, too. It never expires sooner than it would have: whoever asked
 * for it first counts on that.
 */
export async function extendLife(
  catalog: Catalog,
  table: 'models' | 'datasets',
  { id, expiresAt }: { id: string; expiresAt: string | null },
  wanted: string | null,
): Promise<void> {
  if (expiresAt === null || (wanted !== null && wanted <= expiresAt)) return
  await catalog.updateTable(table).set({ expires_at: wanted }).where('id', '=', id).execute()
}

/** Ids of the records that have expired by `now`, RFC 3339. */
export async function expiredIds(
  catalog: Catalog,
  table: 'models' | 'datasets' | 'jobs',
  now: string,
): Promise<string[]> {
  const rows = await catalog.selectFrom(table).select('id').where('expires_at', '<=', now).orderBy('id').execute()
  return rows.map(({ id }) => id)
}
