import type { Kysely } from 'kysely'
import type { CatalogMigrations } from './catalog-migration.ts'

/** Migrations from 27 on: the mistakes of searches. */
export const mistakeMigrations: CatalogMigrations = {
  '0027-mistakes-of-searches': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      // Earlier versions delete jobs without the rows of this table.
      await db.schema
        .createTable('job_mistakes')
        .addColumn('job_id', 'text', column => column.notNull().references('jobs.id').onDelete('cascade'))
        .addColumn('part', 'integer', column => column.notNull())
        .addColumn('mistakes', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('job_mistakes_key', ['job_id', 'part'])
        .execute()
    },
  },
}
