import { type Kysely, sql } from 'kysely'
import type { CatalogMigrations } from './catalog-migration.ts'

/** Migrations from 25 on: checkpoints beside models, and exports of both. */
export const checkpointMigrations: CatalogMigrations = {
  '0025-kinds-of-models': {
    // Earlier versions insert models only. They show a checkpoint as a record that they cannot read.
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      await db.schema
        .alterTable('models')
        .addColumn('kind', 'text', column => column.notNull().defaultTo('model'))
        .execute()
      await db.schema.createIndex('models_by_kind').on('models').column('kind').execute()
    },
  },
  '0026-exports': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      // Earlier versions delete models that exports need, and the exports go with them.
      await db.schema
        .createTable('exports')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('name', 'text')
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('model_id', 'text', column => column.notNull().references('models.id').onDelete('cascade'))
        .addColumn('checkpoint_id', 'text', column => column.notNull().references('models.id').onDelete('cascade'))
        .addColumn('description', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('expires_at', 'text')
        // The last column, so that the others of a row are read without it.
        .addColumn('correspondence', 'text', column => column.notNull())
        .execute()
      for (const column of ['sha256', 'model_id', 'checkpoint_id', 'expires_at'])
        await db.schema.createIndex(`exports_by_${column}`).on('exports').column(column).execute()
      await sql`create index exports_sorted_by_name on exports (coalesce(name, ''), id)`.execute(db)
      await db.schema.createIndex('exports_by_creation').on('exports').columns(['created_at', 'id']).execute()
    },
  },
}
