import { sql } from 'kysely'
import { isPostgres } from './catalog-sql.ts'
import type { Catalog } from './database.ts'
import { isRecordId, newRecordId } from './record-ids.ts'
import { type RecordTable, recordKinds, recordTables } from './records/record-tables.ts'

/** A record whose id was damaged on disk, and its new id. */
export type RenewedId = { kind: RecordTable; damaged: string; id: string }

/** Most changed characters of an id that is still recognised. One flipped bit changes one character, or two if it makes invalid UTF-8. */
const charactersChanged = 2

/** SQL of SQLite that is true for the row of a record whose id was damaged. */
export const damagedId = `typeof(id) <> 'text' or length(id) <> 36 or id glob '*[^0-9a-f-]*'`

/**
 * Gives each record with a damaged id the id that its other rows refer to; a new id if that is not clear. With a damaged id, a record could
 * not be read or deleted, and lists would end at it. PostgreSQL has checksums of its own, and nothing is renewed there.
 */
export async function renewDamagedIds(catalog: Catalog): Promise<RenewedId[]> {
  if (isPostgres(catalog)) return []
  const renewed: RenewedId[] = []
  for (const kind of recordKinds) {
    const table = sql.table(kind)
    const { rows } = await sql<{ place: number; id: unknown }>`select rowid as place, id from ${table}
      where ${sql.raw(damagedId)}`.execute(catalog)
    for (const { place, id: found } of rows) {
      const damaged = String(found)
      const lost = await lostIds(catalog, kind)
      const [meant, other] = lost.filter(({ id }) => isRecordId(id) && isNearly(id, damaged))
      const id = meant && !other ? meant.id : newRecordId()
      await sql`update ${table} set id = ${id} where rowid = ${place}`.execute(catalog)
      renewed.push({ kind, damaged, id })
    }
  }
  return renewed
}

/** Returns the ids of lost records that other rows refer to; none for a kind whose records own no rows. */
async function lostIds(catalog: Catalog, kind: RecordTable): Promise<{ id: string }[]> {
  const owned = recordTables[kind].map(
    ({ table, owner }) => sql`select ${sql.ref(owner)} as id from ${sql.table(table)}`,
  )
  if (owned.length === 0) return []
  const { rows } = await sql<{ id: string }>`select distinct id from (${sql.join(owned, sql` union `)}) as referred
    where id not in (select id from ${sql.table(kind)})`.execute(catalog)
  return rows
}

function isNearly(id: string, damaged: string): boolean {
  if (id.length !== damaged.length) return false
  return [...id].filter((character, index) => character !== damaged[index]).length <= charactersChanged
}
