import { sql } from 'kysely'
import type { Catalog } from './database.ts'
import { isRecordId, newRecordId } from './record-ids.ts'

/** A record whose id was damaged on disk, and its new id. */
export type RenewedId = { kind: 'models' | 'datasets' | 'jobs'; damaged: string; id: string }

/** Ids of records that other rows refer to. */
const referred = {
  models: sql`select model_id as id from model_files`,
  datasets: sql`select dataset_id as id from dataset_files`,
  jobs: sql`select job_id as id from job_inputs union select job_id from job_events`,
}

/** Most changed characters of an id that is still recognised. One flipped bit changes one character, or two if it makes invalid UTF-8. */
const charactersChanged = 2

/**
 * Gives each record with a damaged id the id that its other rows refer to; a new id if that is not clear. With a damaged id, a record could
 * not be read or deleted, and lists would end at it.
 */
export async function renewDamagedIds(catalog: Catalog): Promise<RenewedId[]> {
  const renewed: RenewedId[] = []
  for (const kind of ['models', 'datasets', 'jobs'] as const) {
    const table = sql.table(kind)
    const { rows } = await sql<{ place: number; id: unknown }>`select rowid as place, id from ${table}
      where typeof(id) <> 'text' or length(id) <> 36 or id glob '*[^0-9a-f-]*'`.execute(catalog)
    for (const { place, id: found } of rows) {
      const damaged = String(found)
      const lost = await sql<{ id: string }>`select distinct id from (${referred[kind]})
        where id not in (select id from ${table})`.execute(catalog)
      const [meant, other] = lost.rows.filter(({ id }) => isRecordId(id) && isNearly(id, damaged))
      const id = meant && !other ? meant.id : newRecordId()
      await sql`update ${table} set id = ${id} where rowid = ${place}`.execute(catalog)
      renewed.push({ kind, damaged, id })
    }
  }
  return renewed
}

function isNearly(id: string, damaged: string): boolean {
  if (id.length !== damaged.length) return false
  return [...id].filter((character, index) => character !== damaged[index]).length <= charactersChanged
}
