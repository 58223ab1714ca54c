import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../catalog-sql.ts'
import { type CatalogMigrations, changeEarlierRows } from './catalog-migration.ts'

/** Migrations 1 to 10: models, data sets, jobs, scores and idempotency keys. */
export const firstMigrations: CatalogMigrations = {
  '0001-models-and-jobs': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('models')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('name', 'text')
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('fingerprint', 'text', column => column.notNull())
        .addColumn('description', 'text', column => column.notNull())
        .addColumn('recipe', 'text')
        .addColumn('created_at', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('models_by_sha256').on('models').column('sha256').execute()
      await db.schema.createIndex('models_by_fingerprint').on('models').column('fingerprint').execute()
      await db.schema.createIndex('models_by_name').on('models').column('name').execute()
      await db.schema
        .createTable('labels')
        .addColumn('owner_id', 'text', column => column.notNull())
        .addColumn('key', 'text', column => column.notNull())
        .addColumn('value', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('labels_key', ['owner_id', 'key'])
        .execute()
      await db.schema.createIndex('labels_by_value').on('labels').columns(['key', 'value']).execute()
      await db.schema
        .createTable('jobs')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('request', 'text', column => column.notNull())
        .addColumn('progress', 'text')
        .addColumn('result', 'text')
        .addColumn('error', 'text')
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('started_at', 'text')
        .addColumn('finished_at', 'text')
        .addCheckConstraint('jobs_status', sql`status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')`)
        .execute()
      await db.schema.createIndex('jobs_by_status').on('jobs').column('status').execute()
      await db.schema
        .createTable('job_inputs')
        .addColumn('job_id', 'text', column => column.notNull().references('jobs.id'))
        .addColumn('input_id', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('job_inputs_key', ['job_id', 'input_id'])
        .execute()
      await db.schema.createIndex('job_inputs_by_input').on('job_inputs').column('input_id').execute()
      await db.schema
        .createTable('job_events')
        .addColumn('sequence', 'integer', column => column.primaryKey().autoIncrement())
        .addColumn('job_id', 'text', column => column.notNull().references('jobs.id'))
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('data', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('job_events_by_job').on('job_events').columns(['job_id', 'sequence']).execute()
    },
  },
  '0002-datasets-and-scores': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('datasets')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('name', 'text')
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('bytes', 'integer', column => column.notNull())
        .addColumn('description', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('datasets_by_sha256').on('datasets').column('sha256').execute()
      await db.schema
        .createTable('dataset_files')
        .addColumn('dataset_id', 'text', column => column.notNull().references('datasets.id'))
        .addColumn('position', 'integer', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('bytes', 'integer', column => column.notNull())
        .addPrimaryKeyConstraint('dataset_files_key', ['dataset_id', 'position'])
        .execute()
      await db.schema.createIndex('dataset_files_by_sha256').on('dataset_files').column('sha256').execute()
      await db.schema
        .createTable('scores')
        .addColumn('key', 'text', column => column.primaryKey())
        .addColumn('value', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .execute()
    },
  },
  '0003-who-computed-a-score': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('scores').addColumn('job_id', 'text').execute()
    },
  },
  '0004-models-of-several-files': {
    async up(db: Kysely<unknown>) {
      const modelFiles = db.schema
        .createTable('model_files')
        .addColumn('model_id', 'text', column => column.notNull())
        .addColumn('location', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('bytes', 'integer', column => column.notNull())
      if (isPostgres(db)) {
        await modelFiles.execute()
        // A location may be longer than the 2,704 bytes that an entry of PostgreSQL's index may have.
        const digest = sql`sha256(replace(location, '\\', '\\\\')::bytea)`
        await sql`create unique index model_files_key on model_files (model_id, ${digest})`.execute(db)
      } else await modelFiles.addPrimaryKeyConstraint('model_files_key', ['model_id', 'location']).execute()
      await db.schema.createIndex('model_files_by_sha256').on('model_files').column('sha256').execute()
      await changeEarlierRows(
        db,
        sql`insert into model_files (model_id, location, sha256, bytes)
          select id, '', sha256, json_extract(description, '$.bytes') from models`,
      )
    },
  },
  '0005-fingerprints-without-names': {
    async up(db: Kysely<unknown>) {
      await sql`update models set fingerprint = ''`.execute(db)
    },
  },
  '0006-idempotency-and-retention': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('idempotency_keys')
        .addColumn('scope', 'text', column => column.notNull())
        .addColumn('key', 'text', column => column.notNull())
        .addColumn('fingerprint', 'text', column => column.notNull())
        .addColumn('outcome', 'text', column => column.notNull())
        .addColumn('expires_at', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('idempotency_keys_key', ['scope', 'key'])
        .execute()
      for (const table of ['models', 'datasets', 'jobs']) {
        await db.schema.alterTable(table).addColumn('expires_at', 'text').execute()
        await db.schema.createIndex(`${table}_by_expiry`).on(table).column('expires_at').execute()
      }
    },
  },
  '0007-fingerprints-without-order': {
    async up(db: Kysely<unknown>) {
      await sql`update models set fingerprint = ''`.execute(db)
    },
  },
  '0008-store-id': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('store')
        .addColumn('id', 'text', column => column.primaryKey())
        .execute()
    },
  },
  '0009-keys-go-with-what-they-created': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('idempotency_keys').addColumn('resource_id', 'text').execute()
      await changeEarlierRows(
        db,
        sql`update idempotency_keys set resource_id = coalesce(
          json_extract(outcome, '$.model.id'), json_extract(outcome, '$.dataset.id'), json_extract(outcome, '$.id'))
          where json_valid(outcome)`,
      )
      await sql`delete from idempotency_keys where resource_id is null or resource_id not in
        (select id from models union all select id from datasets union all select id from jobs)`.execute(db)
      await db.schema.createIndex('idempotency_keys_by_resource').on('idempotency_keys').column('resource_id').execute()
    },
  },
  '0010-scores-of-models': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('scores').addColumn('model_sha256', 'text').execute()
      await db.schema.alterTable('scores').addColumn('subject', 'text').execute()
      await db.schema
        .createIndex('scores_by_model')
        .on('scores')
        .columns(['model_sha256', 'created_at', 'key'])
        .execute()
    },
  },
}
