import { type Kysely, sql } from 'kysely'
import type { CatalogMigrations } from './catalog-migration.ts'

/** Migrations from 24 on: lists that sort and filter. */
export const listMigrations: CatalogMigrations = {
  '0024-sorted-lists': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      for (const table of ['models', 'datasets']) {
        // The expression by which lists sort: without a name, a record comes first.
        const sortedName = sql`coalesce(name, '')`
        await sql`create index ${sql.ref(`${table}_sorted_by_name`)} on ${sql.table(table)} (${sortedName}, id)`.execute(
          db,
        )
        await db.schema.createIndex(`${table}_by_creation`).on(table).columns(['created_at', 'id']).execute()
      }
      await db.schema.createIndex('datasets_by_bytes').on('datasets').columns(['bytes', 'id']).execute()
      await db.schema.createIndex('model_files_sizes').on('model_files').columns(['model_id', 'bytes']).execute()
    },
  },
}
