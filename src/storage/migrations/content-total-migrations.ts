import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../catalog-sql.ts'
import type { CatalogMigrations } from './catalog-migration.ts'

/** The tables whose rows are files of records. */
const fileTables = ['model_files', 'dataset_files'] as const

/**
 * Counts content that has got its first row, or lost its last one. It locks the total first: another transaction that adds or deletes the same
 * content has ended before the rows are counted.
 */
const countContent = sql`create function count_content() returns trigger language plpgsql set search_path from current as $$
begin
  perform 1 from content_total for update;
  update content_total set
    files = content_total.files + case tg_op when 'INSERT' then 1 else -1 end * counted.files,
    bytes = content_total.bytes + case tg_op when 'INSERT' then 1 else -1 end * counted.bytes
  from (
    select count(*) as files, coalesce(sum(content.bytes), 0) as bytes
    from (select sha256, max(bytes) as bytes, count(*) as added from changed group by sha256) as content
    where (select count(*) from model_files where model_files.sha256 = content.sha256)
      + (select count(*) from dataset_files where dataset_files.sha256 = content.sha256)
      = case tg_op when 'INSERT' then content.added else 0 end
  ) as counted
  where counted.files > 0;
  return null;
end
$$`

/**
 * Migrations from 28 on: the sum of all content, which triggers keep. Servers of earlier versions keep it, too, without knowing of it. SQLite has
 * one server, which counts in memory.
 */
export const contentTotalMigrations: CatalogMigrations = {
  '0028-content-total': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      if (!isPostgres(db)) return
      await db.schema
        .createTable('content_total')
        .addColumn('files', 'integer', column => column.notNull())
        .addColumn('bytes', 'integer', column => column.notNull())
        .execute()
      await countContent.execute(db)
      for (const table of fileTables)
        for (const [event, rows] of [
          ['insert', 'new'],
          ['delete', 'old'],
        ] as const)
          await sql`create trigger ${sql.ref(`${table}_${event}`)} after ${sql.raw(event)} on ${sql.table(table)}
            referencing ${sql.raw(rows)} table as changed for each statement execute function count_content()`.execute(
            db,
          )
      // The triggers have locked both tables until the end of the transaction.
      await sql`insert into content_total (files, bytes) select count(*), coalesce(sum(bytes), 0)
        from (select sha256, bytes from model_files union select sha256, bytes from dataset_files) as content`.execute(
        db,
      )
    },
  },
}
