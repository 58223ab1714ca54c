import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'

// Queries that find defects of an open catalog of SQLite. Each row of an answer is one finding: `place`, and a `message` that completes the sentence.

const damagedJson = (table: string, key: string, column: string, what: string) => `
  select '${what} ' || ${key} as place, 'has an unreadable ${column}: delete it, or restore a backup' as message
  from ${table} where ${column} is not null and not json_valid(${column})`

/** Questions about files without a record, for SQLite and PostgreSQL. */
export const strayFiles: readonly string[] = [
  `select 'the file ' || sha256 as place, 'belongs to the model ' || model_id || ', which has no record' as message
   from model_files where not exists (select 1 from models where id = model_id)`,
  `select 'the file ' || sha256 as place, 'belongs to the data set ' || dataset_id || ', which has no record' as message
   from dataset_files where not exists (select 1 from datasets where id = dataset_id)`,
]

const questions: readonly string[] = [
  damagedJson('models', 'id', 'description', 'the model'),
  damagedJson('models', 'id', 'recipe', 'the model'),
  damagedJson('datasets', 'id', 'description', 'the data set'),
  damagedJson('exports', 'id', 'description', 'the export'),
  damagedJson('exports', 'id', 'correspondence', 'the export'),
  damagedJson('jobs', 'id', 'request', 'the job'),
  damagedJson('jobs', 'id', 'progress', 'the job'),
  damagedJson('jobs', 'id', 'error', 'the job'),
  damagedJson('job_events', 'job_id', 'data', 'an event of the job'),
  damagedJson('scores', 'key', 'value', 'the score'),
  `select 'the job ' || id as place, 'has a result that is not whole: delete it, or restore a backup' as message
   from jobs where result_parts <> (select count(*) from job_result_parts where job_id = id)
     or result_parts > 0 and not json_valid((select group_concat(text, '') from
       (select text from job_result_parts where job_id = id order by part)))`,
  `select 'the model ' || id as place, 'has no file of its own: delete it, or restore a backup' as message
   from models where not exists (select 1 from model_files where model_id = id and location = '')`,
  `select 'the data set ' || id as place, 'has no files: delete it, or restore a backup' as message
   from datasets where not exists (select 1 from dataset_files where dataset_id = id)`,
  ...strayFiles,
]

export type StoreFinding = { place: string; message: string }

const findingRow = z.object({ place: z.coerce.string(), message: z.string() })
const integrityRow = z.object({ integrity_check: z.string() })

/** Yields the findings of SQLite's own check of the file. */
export function* integrityFindings(catalog: DatabaseSync): Generator<StoreFinding> {
  for (const row of catalog.prepare('pragma integrity_check').iterate()) {
    const { integrity_check: message } = integrityRow.parse(row)
    if (message !== 'ok') yield { place: 'catalog.sqlite', message: `is damaged: SQLite says "${message}"` }
  }
}

/** Yields the records that cannot be read, and rows without the row that they belong to. */
export function* recordFindings(catalog: DatabaseSync): Generator<StoreFinding> {
  for (const question of questions) for (const row of catalog.prepare(question).iterate()) yield findingRow.parse(row)
}

/** A file that a record refers to. `holder`: the record, in words. */
export type ReferencedFile = { sha256: string; bytes: number; holder: string }

const referencedRow = z.object({ sha256: z.string(), bytes: z.number(), holder: z.string() })

/** Yields every file of every record. A file of several records comes once for each. */
export function* referencedFiles(catalog: DatabaseSync): Generator<ReferencedFile> {
  const rows = catalog.prepare(`
    select cast(sha256 as text) as sha256, cast(bytes as integer) as bytes,
      'the model ' || model_id || iif(location = '', '', ' (' || location || ')') as holder from model_files
    union all
    select cast(sha256 as text), cast(bytes as integer), 'the data set ' || dataset_id || ' (' || name || ')' from dataset_files`)
  for (const row of rows.iterate()) yield referencedRow.parse(row)
}
