import { expiresAt, labels as labelMap, timestamp } from '../../schemas/common.ts'
import {
  attempts,
  type JobItem,
  type JobProgress,
  type JobRecord,
  type JobRequest,
  type JobStatus,
  job,
  jobStatus,
  jobType,
  type UnreadableJob,
} from '../../schemas/job.ts'
import { problem } from '../../schemas/problem.ts'
import { TureenError } from '../errors.ts'
import { ownTurn } from '../own-turn.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { freeKeysOf } from '../storage/idempotency-keys.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { insertLabels, type Labels, labelsColumn } from '../storage/record-labels.ts'
import { column, jsonOr, readOr, validOr } from '../storage/unreadable.ts'
import type { ResultColumns } from './large-results.ts'

// Rows of the catalog for jobs. All functions take the catalog, or a transaction of it.

/** The values of a new job. `inputIds`: the models and data sets that nobody may delete before the job ends. */
export type NewJob = JobRequest & { labels: Labels; inputIds: readonly string[] }

export type JobEvent = { sequence: number; type: string; data: string }

export async function insertJob(catalog: Catalog, { type, request, labels, inputIds }: NewJob): Promise<string> {
  const id = newRecordId()
  const name = 'name' in request ? (request.name ?? null) : null
  const row = { id, type, status: 'queued', name, request: JSON.stringify(request), created_at: now() }
  await catalog.insertInto('jobs').values(row).execute()
  await insertLabels(catalog, id, labels)
  for (const inputId of new Set(inputIds)) {
    if (!(await inputExists(catalog, inputId))) {
      const message = `${inputId} was deleted while the job was created`
      throw new TureenError('TUREEN_NOT_FOUND', `The model or data set ${message}. Upload it again.`, [
        { actual: inputId, message },
      ])
    }
    await catalog.insertInto('job_inputs').values({ job_id: id, input_id: inputId }).execute()
  }
  return id
}

async function inputExists(catalog: Catalog, id: string): Promise<boolean> {
  const model = await catalog.selectFrom('models').select('id').where('id', '=', id).executeTakeFirst()
  const dataset = model ?? (await catalog.selectFrom('datasets').select('id').where('id', '=', id).executeTakeFirst())
  return dataset !== undefined
}

/** A job, without its result if that is large. `resultParts`: number of parts of a large result; null for others. */
export type StoredJob = { job: JobItem; resultParts: number | null }

/** Most characters of a request and its result that take less than a millisecond to parse. */
const quickCharacters = 64 << 10

export async function jobById(catalog: Catalog, id: string): Promise<StoredJob | undefined> {
  const row = await selectJobs(catalog).where('id', '=', id).executeTakeFirst()
  if (!row) return undefined
  if (row.request.length + (row.result?.length ?? 0) > quickCharacters) await ownTurn()
  return { job: toItem(row), resultParts: row.result_parts }
}

export async function countQueued(catalog: Catalog): Promise<number> {
  const { count } = await catalog
    .selectFrom('jobs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('status', '=', 'queued')
    .executeTakeFirstOrThrow()
  return count
}

/** Returns the queued jobs, oldest first. */
export async function queuedJobs(catalog: Catalog): Promise<Pick<Tables['jobs'], 'id' | 'type' | 'attempts'>[]> {
  const queued = catalog.selectFrom('jobs').select(['id', 'type', 'attempts']).where('status', '=', 'queued')
  return queued.orderBy('id').execute()
}

/** Changes the status of a job, if its status is one of `from`. @returns true if it was */
export async function transition(
  catalog: Catalog,
  id: string,
  from: readonly JobStatus[],
  status: JobStatus,
  changes: JobChanges = {},
): Promise<boolean> {
  const { numUpdatedRows } = await catalog
    .updateTable('jobs')
    .set({ status, ...changes })
    .where('id', '=', id)
    .where('status', 'in', [...from])
    .executeTakeFirst()
  return numUpdatedRows > 0
}

export type JobChanges = Partial<
  Pick<
    Tables['jobs'],
    'started_at' | 'finished_at' | 'expires_at' | keyof ResultColumns | 'error' | 'progress' | 'search_summary'
  >
>

/** Saves the progress of a job. @returns its attempts; undefined if the job was no longer running */
export async function saveProgress(catalog: Catalog, id: string, progress: JobProgress): Promise<number | undefined> {
  const row = await catalog
    .updateTable('jobs')
    .set({ progress: JSON.stringify(progress) })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .returning('attempts')
    .executeTakeFirst()
  return row && (row.attempts ?? 0)
}

export async function deleteJob(catalog: Catalog, id: string): Promise<void> {
  await catalog.deleteFrom('labels').where('owner_id', '=', id).execute()
  await freeKeysOf(catalog, id)
  for (const table of ['job_events', 'job_inputs', 'job_result_parts'] as const)
    await catalog.deleteFrom(table).where('job_id', '=', id).execute()
  await catalog.deleteFrom('jobs').where('id', '=', id).execute()
}

export async function insertEvent(
  catalog: Catalog,
  jobId: string,
  type: 'progress' | 'log',
  data: unknown,
): Promise<void> {
  await catalog
    .insertInto('job_events')
    .values({ job_id: jobId, type, data: JSON.stringify(data) })
    .execute()
}

/** Inserts the last event of a job. Its data is the ended job itself. */
export async function insertDone(catalog: Catalog, jobId: string): Promise<void> {
  await catalog.insertInto('job_events').values({ job_id: jobId, type: 'done', data: 'null' }).execute()
}

export async function eventsAfter(catalog: Catalog, jobId: string, sequence: number): Promise<JobEvent[]> {
  return catalog
    .selectFrom('job_events')
    .select(['sequence', 'type', 'data'])
    .where('job_id', '=', jobId)
    .where('sequence', '>', sequence)
    .orderBy('sequence')
    .limit(500)
    .execute()
}

export function now(): string {
  return new Date().toISOString()
}

const selectJobs = (catalog: Catalog) =>
  catalog.selectFrom('jobs').selectAll('jobs').select(labelsColumn('jobs.id').as('labels'))

function toItem(row: Tables['jobs'] & { labels: string }): JobItem {
  const json = (name: 'request' | 'progress' | 'result' | 'error' | 'search_summary') =>
    column(name, () => JSON.parse(row[name] ?? 'null'))
  return readOr(
    () =>
      withFinishedProgress(
        job.parse({
          id: row.id,
          type: row.type,
          status: row.status,
          progress: json('progress'),
          labels: JSON.parse(row.labels),
          createdAt: row.created_at,
          startedAt: row.started_at,
          finishedAt: row.finished_at,
          expiresAt: row.expires_at,
          attempts: row.attempts ?? 0,
          request: json('request'),
          ...(row.result ? { result: json('result') } : {}),
          ...(row.error ? { error: json('error') } : {}),
        }),
        json('search_summary')?.candidates,
      ),
    reason => unreadableJobOf(row, reason),
  )
}

/** The small columns of a job. */
type SmallColumns = Omit<Tables['jobs'], 'request' | 'result' | 'result_parts'> & { labels: string }

/** Returns the readable fields of a job whose row is damaged. */
export function unreadableJobOf(row: SmallColumns, reason: string): UnreadableJob {
  const error = row.error ? jsonOr(problem, row.error, undefined) : undefined
  return {
    id: String(row.id),
    type: validOr(jobType, row.type, null),
    status: validOr(jobStatus, row.status, 'failed' as const),
    progress: null,
    labels: jsonOr(labelMap, row.labels, {}),
    createdAt: validOr(timestamp, row.created_at, null),
    startedAt: validOr(timestamp, row.started_at, null),
    finishedAt: validOr(timestamp, row.finished_at, null),
    expiresAt: validOr(expiresAt, row.expires_at, null),
    attempts: validOr(attempts, row.attempts, 0),
    ...(error ? { error } : {}),
    unreadable: reason,
  }
}

function withFinishedProgress(record: JobRecord, candidates: number | undefined): JobRecord {
  return { ...record, progress: finishedProgress(record, candidates) }
}

/**
 * Returns the progress of a job. A succeeded job always shows that all work is done. Its row may lack that, if the job was too short to
 * report progress, or if an earlier version wrote it.
 * @param candidates number of scored candidates of a succeeded search
 */
export function finishedProgress(
  { status, progress }: Pick<JobRecord, 'status' | 'progress'>,
  candidates: number | undefined,
): JobProgress | null {
  if (status !== 'succeeded') return progress
  const { message = 'finished', total: told = 1, ...more } = progress ?? {}
  const total = candidates ?? told
  return { ...more, message, done: total, total }
}
