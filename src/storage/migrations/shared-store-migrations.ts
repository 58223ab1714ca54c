import type { Kysely } from 'kysely'
import type { CatalogMigrations } from './catalog-migration.ts'

/** Migrations 20 to 22: what servers of one store need. */
export const sharedStoreMigrations: CatalogMigrations = {
  '0020-what-servers-hold': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('servers')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('seen_at', 'integer', column => column.notNull())
        .execute()
      await db.schema
        .createTable('server_holds')
        .addColumn('number', 'integer', column => column.primaryKey().autoIncrement())
        .addColumn('id', 'text', column => column.notNull())
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('bytes', 'integer', column => column.notNull())
        .addColumn('server_id', 'text', column => column.notNull().references('servers.id').onDelete('cascade'))
        .execute()
      await db.schema.createIndex('server_holds_by_id').on('server_holds').column('id').execute()
      await db.schema.createIndex('server_holds_by_name').on('server_holds').columns(['name', 'kind']).execute()
      await db.schema.createIndex('server_holds_by_server').on('server_holds').column('server_id').execute()
    },
  },
  '0021-needs-of-migrations': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('kysely_migration_needs')
        .addColumn('name', 'text', column => column.primaryKey())
        .addColumn('needs', 'text', column => column.notNull())
        .execute()
    },
  },
  '0022-candidate-ranges': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('candidate_ranges')
        .addColumn('id', 'text', column => column.primaryKey())
        // Earlier versions delete jobs without these rows.
        .addColumn('job_id', 'text', column => column.notNull().references('jobs.id').onDelete('cascade'))
        .addColumn('candidates', 'text', column => column.notNull())
        .addColumn('holder', 'text')
        .addColumn('evaluators', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('beats', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('settled', 'integer', column => column.notNull().defaultTo(0))
        .execute()
      await db.schema.createIndex('candidate_ranges_by_job').on('candidate_ranges').column('job_id').execute()
    },
  },
}
