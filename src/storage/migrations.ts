import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The migrations of the catalog, by name. Never change a released migration; add new ones at the end. */
export const migrations: Record<string, Migration> = {
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
      await db.schema
        .createTable('model_files')
        .addColumn('model_id', 'text', column => column.notNull())
        .addColumn('location', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('bytes', 'integer', column => column.notNull())
        .addPrimaryKeyConstraint('model_files_key', ['model_id', 'location'])
        .execute()
      await db.schema.createIndex('model_files_by_sha256').on('model_files').column('sha256').execute()
      await sql`insert into model_files (model_id, location, sha256, bytes)
        select id, '', sha256, json_extract(description, '$.bytes') from models`.execute(db)
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
      await sql`update idempotency_keys set resource_id = coalesce(
        json_extract(outcome, '$.model.id'), json_extract(outcome, '$.dataset.id'), json_extract(outcome, '$.id'))
        where json_valid(outcome)`.execute(db)
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
  '0011-fingerprints-of-unknown-opsets': {
    async up(db: Kysely<unknown>) {
      // Earlier versions took operators of unknown, newer opsets for those of the newest opset that they knew.
      await sql`update models set fingerprint = '' where case when json_valid(description) then exists (
        select 1 from json_each(description, '$.opsets') where json_extract(value, '$.version') >
          case json_extract(value, '$.domain') when '' then 28 when 'ai.onnx' then 28 when 'ai.onnx.ml' then 5 else 1 end
      ) end`.execute(db)
    },
  },
  '0012-lists-without-requests-and-results': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('jobs').addColumn('name', 'text').execute()
      await db.schema.alterTable('jobs').addColumn('search_summary', 'text').execute()
      await sql`update jobs set name = json_extract(request, '$.name')
        where json_valid(request) and json_type(request, '$.name') = 'text'`.execute(db)
      await sql`update jobs set search_summary = json_object('score', json_extract(result, '$.winner.score'),
        'candidates', json_array_length(result, '$.candidates'), 'winner', json_extract(result, '$.model'))
        where type = 'search' and json_valid(result)`.execute(db)
      // The index has every column of the list, so a list reads no pages of requests and results.
      await db.schema
        .createIndex('jobs_listed')
        .on('jobs')
        .columns(['id', 'type', 'status', 'progress', 'error', 'created_at', 'started_at', 'finished_at'])
        .columns(['expires_at', 'name', 'search_summary'])
        .execute()
    },
  },
  '0013-large-results-in-parts': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('job_result_parts')
        .addColumn('job_id', 'text', column => column.notNull())
        .addColumn('part', 'integer', column => column.notNull())
        .addColumn('text', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('job_result_parts_key', ['job_id', 'part'])
        .execute()
      await db.schema.alterTable('jobs').addColumn('result_parts', 'integer').execute()
      await sql`insert into job_result_parts (job_id, part, text)
        with recursive pieces (job_id, part, size) as (
          select id, 0, length(result) from jobs where length(result) > 1000000
          union all select job_id, part + 1, size from pieces where (part + 1) * 250000 < size)
        select job_id, part, (select substr(result, part * 250000 + 1, 250000) from jobs where id = job_id)
        from pieces`.execute(db)
      await sql`update jobs set result = null,
        result_parts = (select count(*) from job_result_parts where job_id = jobs.id)
        where id in (select job_id from job_result_parts)`.execute(db)
      await sql`update job_events set data = 'null' where type = 'done'`.execute(db)
    },
  },
  '0014-attempts-of-jobs': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('jobs').addColumn('attempts', 'integer').execute()
      await db.schema.dropIndex('jobs_listed').execute()
      await db.schema
        .createIndex('jobs_listed')
        .on('jobs')
        .columns(['id', 'type', 'status', 'progress', 'error', 'created_at', 'started_at', 'finished_at'])
        .columns(['expires_at', 'attempts', 'name', 'search_summary'])
        .execute()
    },
  },
}
