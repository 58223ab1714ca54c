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

/** Returns the bytes of all records and of the additions up to a number. Each content counts once. It reads no row of other records. */
async function bytesUpTo(catalog: Catalog, number: number): Promise<number> {
  const additions = catalog
    .selectFrom('server_holds')
    .select(['name', 'bytes'])
    .distinct()
    .where('kind', '=', 'addition')
    .where('number', '<=', number)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('model_files').select('bytes').whereRef('model_files.sha256', '=', 'server_holds.name'))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(selectFrom('dataset_files').select('bytes').whereRef('dataset_files.sha256', '=', 'server_holds.name')),
      ),
    )
  const added = sql<number>`coalesce(sum(bytes), 0)`.as('bytes')
  // One statement: an addition that commits meanwhile counts once.
  const { recorded, claimed } = await catalog
    .selectFrom('content_total')
    .select(({ selectFrom }) => [
      'bytes as recorded',
      selectFrom(additions.as('additions')).select(added).$asScalar().$notNull().as('claimed'),
    ])
    .executeTakeFirstOrThrow()
  return recorded + claimed
}
