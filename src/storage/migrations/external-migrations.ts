import type { Kysely } from 'kysely'
import { isPostgres } from '../catalog-sql.ts'
import type { CatalogMigrations } from './catalog-migration.ts'

/** Migrations from 23 on: searches with scores from outside. */
export const externalMigrations: CatalogMigrations = {
  '0023-external-candidates': {
    needs: '0018-last-failures-of-jobs',
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('jobs').addColumn('waiting_since', 'text').execute()
      if (!isPostgres(db)) {
        await db.schema.dropIndex('jobs_listed').execute()
        await db.schema
          .createIndex('jobs_listed')
          .on('jobs')
          .columns(['id', 'type', 'status', 'progress', 'error', 'created_at', 'started_at', 'finished_at'])
          .columns(['expires_at', 'attempts', 'name', 'search_summary', 'waiting_since'])
          .execute()
      }
      // Earlier versions delete jobs without the rows of these tables.
      await db.schema
        .createTable('external_searches')
        .addColumn('job_id', 'text', column => column.primaryKey().references('jobs.id').onDelete('cascade'))
        .addColumn('direction', 'text')
        .addColumn('begun_at', 'text')
        .addColumn('ends_at', 'text')
        .addColumn('heard_at', 'text')
        .execute()
      await db.schema
        .createTable('search_leases')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('job_id', 'text', column => column.notNull().references('jobs.id').onDelete('cascade'))
        .addColumn('expires_at', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('search_leases_by_job').on('search_leases').column('job_id').execute()
      await db.schema
        .createTable('search_candidates')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('job_id', 'text', column => column.notNull().references('jobs.id').onDelete('cascade'))
        .addColumn('place', 'integer', column => column.notNull())
        .addColumn('score_key', 'text', column => column.notNull())
        .addColumn('models', 'text', column => column.notNull())
        .addColumn('split', 'text', column => column.notNull())
        .addColumn('scorer', 'text', column => column.notNull())
        .addColumn('version', 'text', column => column.notNull())
        .addColumn('soup', 'text', column => column.notNull())
        .addColumn('required', 'integer', column => column.notNull())
        .addColumn('state', 'text', column => column.notNull())
        .addColumn('attempts', 'integer', column => column.notNull())
        .addColumn('lease_id', 'text')
        .addColumn('leased_at', 'text')
        .addColumn('outcome', 'text')
        .addColumn('details', 'text')
        .addColumn('outcome_digest', 'text')
        .addColumn('sample_scores', 'text')
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('settled_at', 'text')
        .addUniqueConstraint('search_candidates_key', ['job_id', 'score_key'])
        .execute()
      await db.schema
        .createIndex('search_candidates_by_state')
        .on('search_candidates')
        .columns(['job_id', 'state', 'place'])
        .execute()
      await db.schema
        .createIndex('search_candidates_by_place')
        .on('search_candidates')
        .columns(['job_id', 'place'])
        .execute()
      await db.schema.createIndex('search_candidates_by_lease').on('search_candidates').column('lease_id').execute()
    },
  },
}
