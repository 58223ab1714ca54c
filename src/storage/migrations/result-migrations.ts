import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../catalog-sql.ts'
import { type CatalogMigrations, changeEarlierRows } from './catalog-migration.ts'

/** Migrations 11 to 18: short lists, results in parts, attempts, and scores that go with their models. */
export const resultMigrations: CatalogMigrations = {
  '0011-fingerprints-of-unknown-opsets': {
    async up(db: Kysely<unknown>) {
      // Earlier versions took operators of unknown, newer opsets for those of the newest opset that they knew.
      await changeEarlierRows(
        db,
        sql`update models set fingerprint = '' where case when json_valid(description) then exists (
          select 1 from json_each(description, '$.opsets') where json_extract(value, '$.version') >
            case json_extract(value, '$.domain') when '' then 28 when 'ai.onnx' then 28 when 'ai.onnx.ml' then 5 else 1 end
        ) end`,
      )
    },
  },
  '0012-lists-without-requests-and-results': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('jobs').addColumn('name', 'text').execute()
      await db.schema.alterTable('jobs').addColumn('search_summary', 'text').execute()
      await changeEarlierRows(
        db,
        sql`update jobs set name = json_extract(request, '$.name')
          where json_valid(request) and json_type(request, '$.name') = 'text'`,
      )
      await changeEarlierRows(
        db,
        sql`update jobs set search_summary = json_object('score', json_extract(result, '$.winner.score'),
          'candidates', json_array_length(result, '$.candidates'), 'winner', json_extract(result, '$.model'))
          where type = 'search' and json_valid(result)`,
      )
      // The index has every column of the list, so a list reads no pages of requests and results. PostgreSQL keeps large texts apart.
      if (isPostgres(db)) return
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
      await changeEarlierRows(
        db,
        sql`insert into job_result_parts (job_id, part, text)
          with recursive pieces (job_id, part, size) as (
            select id, 0, length(result) from jobs where length(result) > 1000000
            union all select job_id, part + 1, size from pieces where (part + 1) * 250000 < size)
          select job_id, part, (select substr(result, part * 250000 + 1, 250000) from jobs where id = job_id)
          from pieces`,
      )
      await sql`update jobs set result = null,
        result_parts = (select count(*) from job_result_parts where job_id = jobs.id)
        where id in (select job_id from job_result_parts)`.execute(db)
      await sql`update job_events set data = 'null' where type = 'done'`.execute(db)
    },
  },
  '0014-attempts-of-jobs': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('jobs').addColumn('attempts', 'integer').execute()
      if (isPostgres(db)) return
      await db.schema.dropIndex('jobs_listed').execute()
      await db.schema
        .createIndex('jobs_listed')
        .on('jobs')
        .columns(['id', 'type', 'status', 'progress', 'error', 'created_at', 'started_at', 'finished_at'])
        .columns(['expires_at', 'attempts', 'name', 'search_summary'])
        .execute()
    },
  },
  '0015-all-results-in-parts': {
    async up(db: Kysely<unknown>) {
      await sql`insert into job_result_parts (job_id, part, text)
        select id, 0, result from jobs where result is not null`.execute(db)
      await sql`update jobs set result_parts = 1 where result is not null`.execute(db)
      await db.schema.alterTable('jobs').dropColumn('result').execute()
    },
  },
  '0016-newest-events-of-progress': {
    async up(db: Kysely<unknown>) {
      await sql`delete from job_events where sequence in (select sequence from (
        select sequence, row_number() over (partition by job_id order by sequence desc) as place
        from job_events where type = 'progress') as placed where place > 100)`.execute(db)
    },
  },
  '0017-scores-go-with-their-models': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('scored_models')
        .addColumn('number', 'integer', column => column.primaryKey().autoIncrement())
        .addColumn('sha256', 'text', column => column.notNull().unique())
        .execute()
      await db.schema
        .alterTable('scores')
        .addColumn('models', 'text', column => column.notNull().defaultTo(''))
        .execute()
      await sql`insert into scored_models (sha256) select distinct sha256 from models`.execute(db)
      // Earlier versions did not keep which models a soup had: those of its job, as far as they exist. Scores without any cannot be used.
      await changeEarlierRows(
        db,
        sql`update scores set models = coalesce(
          (select ',' || number || ',' from scored_models where sha256 = model_sha256),
          (select ',' || group_concat(number, ',') || ',' from job_inputs join models on models.id = input_id
            join scored_models on scored_models.sha256 = models.sha256 where job_inputs.job_id = scores.job_id),
          '')`,
      )
      await sql`delete from scores where models = ''`.execute(db)
      await db.schema.createIndex('scores_by_needed_models').on('scores').column('models').execute()
      await db.schema.dropIndex('scores_by_model').execute()
      await db.schema
        .createIndex('scores_by_model')
        .on('scores')
        .columns(['model_sha256', 'created_at', 'key'])
        .where(sql.ref('model_sha256'), 'is not', null)
        .execute()
    },
  },
  '0018-last-failures-of-jobs': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('jobs').addColumn('last_failure', 'text').execute()
    },
  },
}
