import { sql } from 'kysely'
import type { Catalog } from '../database.ts'
import { limitReached } from '../room.ts'

/**
 * Refuses an addition that does not fit beside all records and the additions before it. Later additions see this one, so that all servers
 * together keep the limit exactly.
 * @param id the addition, by its holds
 * @throws TureenError `TUREEN_STORE_FULL`
 */
export async function requireRoom(catalog: Catalog, id: string, maximumBytes: number): Promise<void> {
  const own = catalog
    .selectFrom('server_holds')
    .select([sql<number>`min(number)`.as('first'), sql<number>`max(number)`.as('last')])
    .where('id', '=', id)
  const { first, last } = await own.executeTakeFirstOrThrow()
  const withIt = await bytesUpTo(catalog, last)
  if (withIt <= maximumBytes) return
  const without = await bytesUpTo(catalog, first - 1)
  // Content that is there already takes no room.
  if (withIt > without) throw limitReached('TUREEN_MAX_STORE_BYTES', withIt - without, without, maximumBytes)
}

/** Returns the bytes of all records and of the additions up to a number. Each content counts once. */
async function bytesUpTo(catalog: Catalog, number: number): Promise<number> {
  const additions = catalog
    .selectFrom('server_holds')
    .select(['name as sha256', 'bytes'])
    .where('kind', '=', 'addition')
    .where('number', '<=', number)
  const files = catalog
    .selectFrom('model_files')
    .select(['sha256', 'bytes'])
    .union(catalog.selectFrom('dataset_files').select(['sha256', 'bytes']))
    .union(additions)
  const { bytes } = await catalog
    .selectFrom(files.as('files'))
    .select(sql<number>`coalesce(sum(bytes), 0)`.as('bytes'))
    .executeTakeFirstOrThrow()
  return bytes
}
