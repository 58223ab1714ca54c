import type { DatabaseSync } from 'node:sqlite'

/** Statements that undo migrations, newest first. They keep the rows, as an earlier version would have written them. */
const undone: readonly [migration: string, statements: string][] = [
  ['0027', 'drop table job_mistakes'],
  ['0026', 'drop table exports'],
  ['0025', 'drop index models_by_kind; alter table models drop column kind'],
  [
    '0024',
    `drop index models_sorted_by_name; drop index models_by_creation; drop index datasets_sorted_by_name; drop index datasets_by_creation;
     drop index datasets_by_bytes; drop index model_files_sizes`,
  ],
  [
    '0023',
    `drop table search_candidates; drop table search_leases; drop table external_searches; drop index jobs_listed;
     alter table jobs drop column waiting_since;
     create index jobs_listed on jobs (id, type, status, progress, error, created_at, started_at, finished_at, expires_at, attempts, name,
       search_summary)`,
  ],
  ['0022', 'drop table candidate_ranges'],
  ['0021', 'drop table kysely_migration_needs'],
  ['0020', 'drop table server_holds; drop table servers'],
  ['0018', 'alter table jobs drop column last_failure'],
  [
    '0017',
    `drop index scores_by_needed_models; alter table scores drop column models; drop table scored_models;
     drop index scores_by_model; create index scores_by_model on scores (model_sha256, created_at, key)`,
  ],
  ['0016', ''],
  [
    '0015',
    `alter table jobs add column result text;
     update jobs set result = (select text from job_result_parts where job_id = id) where result_parts = 1;
     delete from job_result_parts where job_id in (select id from jobs where result_parts = 1);
     update jobs set result_parts = null where result_parts = 1`,
  ],
  [
    '0014',
    `drop index jobs_listed; alter table jobs drop column attempts;
     create index jobs_listed on jobs (id, type, status, progress, error, created_at, started_at, finished_at, expires_at, name,
       search_summary)`,
  ],
  ['0013', 'drop table job_result_parts; alter table jobs drop column result_parts'],
  ['0012', `drop index jobs_listed; alter table jobs drop column name; alter table jobs drop column search_summary`],
  ['0011', ''],
]

/** Makes a catalog one of the version before the migration `first`, such as `0014`. */
export function undoMigrations(catalog: DatabaseSync, first: string): void {
  for (const [migration, statements] of undone) if (migration >= first) catalog.exec(statements)
  catalog.exec(`delete from kysely_migration where name >= '${first}'`)
}
