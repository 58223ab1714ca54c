import type { Kysely } from 'kysely'
import type { CatalogMigrations } from './catalog-migration.ts'

/** Migrations from 25 on: checkpoints beside models. */
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
}
