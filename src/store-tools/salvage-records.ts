import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { labels as labelsSchema } from '../../schemas/common.ts'
import type { DatasetItem } from '../../schemas/dataset.ts'
import type { ExportListItem } from '../../schemas/export.ts'
import type { ModelItem } from '../../schemas/model.ts'
import { datasetRecords } from '../datasets/dataset-records.ts'
import { exportRecords } from '../exports/export-records.ts'
import { modelRecords } from '../models/model-records.ts'
import type { Catalog } from '../storage/database.ts'
import type { Labels } from '../storage/record-labels.ts'
import { deleteRecord } from '../storage/records/record-tables.ts'
import { isReadable } from '../storage/unreadable.ts'
import { type Row, readableRows } from './readable-rows.ts'

/** Numbers of records read from a damaged catalog. `labels`: labels of models with lost records, by the digest of the model's own file. */
export type Salvaged = {
  models: number
  datasets: number
  exports: number
  jobs: number
  scores: number
  labels: Map<string, Labels>
}

/** Tables to copy. Tables that others refer to come first. Idempotency keys are left out, since they live only for a day. */
const tables = [
  'models',
  'model_files',
  'datasets',
  'dataset_files',
  'exports',
  'labels',
  'jobs',
  'job_inputs',
  'job_events',
  'job_result_parts',
  'job_mistakes',
  'external_searches',
  'search_leases',
  'search_candidates',
  'scored_models',
  'scores',
] as const

/**
 * Copies the readable rows of a damaged catalog into a new one, and keeps only complete records.
 *
 * @param damaged file of the damaged catalog, which is not changed
 * @param path file of the new catalog, which is open as `catalog`
 * @param bytesOf returns the bytes of the stored file with a digest; undefined if there is none
 */
export async function salvageRecords(
  damaged: string,
  path: string,
  catalog: Catalog,
  bytesOf: (sha256: string) => number | undefined,
): Promise<Salvaged> {
  copyRows(damaged, path)
  const labels = await labelsOfLostModels(catalog)
  await restoreOwnFiles(catalog, bytesOf)
  await removeParts(catalog)
  await removeUnreadable(catalog, 'models', modelRecords.each(catalog, { label: {} }))
  await removeUnreadable(catalog, 'datasets', datasetRecords.each(catalog, { label: {} }))
  await removeUnreadable(catalog, 'exports', exportRecords.each(catalog, { label: {} }))
  const count = async (table: 'models' | 'datasets' | 'exports' | 'jobs' | 'scores') => {
    const counted = await catalog.selectFrom(table).select(sql<number>`count(*)`.as('rows')).executeTakeFirstOrThrow()
    return counted.rows
  }
  return {
    models: await count('models'),
    datasets: await count('datasets'),
    exports: await count('exports'),
    jobs: await count('jobs'),
    scores: await count('scores'),
    labels,
  }
}

function copyRows(damaged: string, path: string): void {
  const [from, to] = [new DatabaseSync(damaged, { readOnly: true }), new DatabaseSync(path, { timeout: 30_000 })]
  try {
    // Switch foreign keys off: rows may refer to lost ones, which removeParts cleans up.
    to.exec('pragma foreign_keys = off; begin')
    for (const table of tables) copyTable(from, to, table)
    copyEarlierResults(from, to)
    to.exec('commit')
  } finally {
    from.close()
    to.close()
  }
}

function copyTable(from: DatabaseSync, to: DatabaseSync, table: string): void {
  const kinds = kindsOf(to, table)
  const columns = Object.keys(kinds)
  const values = columns.map(() => '?').join()
  const insert = to.prepare(`insert or ignore into "${table}" (${columns.join()}) values (${values})`)
  for (const row of readableRows(from, table))
    if (isSound(table, kinds, row)) insert.run(...columns.map(column => row[column] ?? null))
}

/** Copies the results that a version before `0015-all-results-in-parts` wrote into the rows of jobs. */
function copyEarlierResults(from: DatabaseSync, to: DatabaseSync): void {
  const insert = to.prepare('insert into job_result_parts (job_id, part, text) select id, 0, ? from jobs where id = ?')
  const count = to.prepare('update jobs set result_parts = 1 where id = ?')
  for (const { id, result } of readableRows(from, 'jobs')) {
    if (typeof id !== 'string' || typeof result !== 'string') continue
    insert.run(result, id)
    count.run(id)
  }
}

/** Returns the columns of a table, each with the type of its values. */
function kindsOf(database: DatabaseSync, table: string): Record<string, string> {
  const columns = database.prepare('select name, type from pragma_table_info(?)').all(table)
  return Object.fromEntries(columns.map(({ name, type }) => [String(name), type === 'INTEGER' ? 'number' : 'string']))
}

/** True if the values of a row have the right types, and its id and label are valid, which no later check covers. */
function isSound(table: string, kinds: Record<string, string>, row: Row): boolean {
  const hasKinds = Object.entries(kinds).every(
    ([name, kind]) => (row[name] ?? null) === null || typeof row[name] === kind,
  )
  if ('id' in kinds && !/^[0-9a-f-]{36}$/.test(String(row['id']))) return false
  return hasKinds && (table !== 'labels' || labelsSchema.safeParse({ [String(row['key'])]: row['value'] }).success)
}

async function labelsOfLostModels(catalog: Catalog): Promise<Map<string, Labels>> {
  const rows = await catalog
    .selectFrom('labels')
    .innerJoin('model_files', 'model_files.model_id', 'labels.owner_id')
    .where('location', '=', '')
    .where('model_id', 'not in', catalog.selectFrom('models').select('id'))
    .select(['sha256', 'key', 'value'])
    .execute()
  const labels = new Map<string, Labels>()
  for (const { sha256, key, value } of rows) labels.set(sha256, { ...labels.get(sha256), [key]: value })
  return labels
}

/** Restores lost file rows of models with one file. The digest of such a model is the digest of its file. */
async function restoreOwnFiles(catalog: Catalog, bytesOf: (sha256: string) => number | undefined): Promise<void> {
  const rows = await catalog
    .selectFrom('models')
    .where('id', 'not in', catalog.selectFrom('model_files').select('model_id'))
    .select(['id', 'sha256'])
    .execute()
  for (const { id, sha256 } of rows) {
    const bytes = bytesOf(sha256)
    if (bytes !== undefined)
      await catalog.insertInto('model_files').values({ model_id: id, location: '', sha256, bytes }).execute()
  }
}

/** Removes rows that refer to lost rows, or that lack rows of their own. */
async function removeParts(catalog: Catalog): Promise<void> {
  for (const statement of [
    `delete from models where id not in (select model_id from model_files where location = '')`,
    'delete from model_files where model_id not in (select id from models)',
    'delete from datasets where id not in (select dataset_id from dataset_files)',
    'delete from dataset_files where dataset_id not in (select id from datasets)',
    'delete from exports where model_id not in (select id from models) or checkpoint_id not in (select id from models)',
    'delete from jobs where result_parts <> (select count(*) from job_result_parts where job_id = jobs.id)',
    'delete from job_inputs where job_id not in (select id from jobs)',
    'delete from job_events where job_id not in (select id from jobs)',
    'delete from job_result_parts where job_id not in (select id from jobs)',
    'delete from external_searches where job_id not in (select id from jobs)',
    'delete from search_leases where job_id not in (select id from jobs)',
    'delete from search_candidates where job_id not in (select id from jobs)',
    // Candidates that they wait for may be lost. They start again, and ask for those that they lack.
    'update jobs set waiting_since = null where waiting_since is not null',
    `delete from labels where owner_id not in
      (select id from models union all select id from datasets union all select id from exports union all select id from jobs)`,
  ])
    await sql.raw(statement).execute(catalog)
}

async function removeUnreadable(
  catalog: Catalog,
  table: 'models' | 'datasets' | 'exports',
  records: AsyncGenerator<ModelItem | DatasetItem | ExportListItem>,
): Promise<void> {
  const unreadable: string[] = []
  for await (const record of records) if (!isReadable(record)) unreadable.push(record.id)
  for (const id of unreadable) await deleteRecord(catalog, table, id)
}
