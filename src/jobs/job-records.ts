import { sql } from 'kysely'
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
  type SearchSummary,
  searchSummary,
  type UnreadableJob,
} from '../../schemas/job.ts'
import { type ProblemDocument, problem } from '../../schemas/problem.ts'
import { TureenError } from '../errors.ts'
import { ownTurn } from '../own-turn.ts'
import type { Catalog, Tables } from '../storage/database.ts'
import { parseKnown } from '../storage/documents/known-fields.ts'
import { readDocument, refuseNewer, writeDocument } from '../storage/documents/stored-document.ts'
import { hasStatus, statusIn, storedStatus } from '../storage/job-status.ts'
import { newRecordId } from '../storage/record-ids.ts'
import { insertLabels, type Labels, labelsColumn } from '../storage/record-labels.ts'
import { possibleId } from '../storage/references.ts'
import { holdRow, lockName } from '../storage/row-locks.ts'
import { isReadable, jsonOr, readOr, validOr } from '../storage/unreadable.ts'
import { outsideSearch } from './external/outside-request.ts'
import { beginnings, documentIn, isOfNewerVersion, jobDocuments, knownType, requestText } from './job-documents.ts'
import type { Claim } from './job-queue.ts'

// Rows of the catalog for jobs. All functions take the catalog, or a transaction of it.

/** The values of a new job. `inputIds`: the models, data sets and exports that nobody may delete before the job ends. */
export type NewJob = JobRequest & { labels: Labels; inputIds: readonly string[] }

export async function insertJob(catalog: Catalog, job: NewJob): Promise<string> {
  const { type, request, labels, inputIds } = job
  const id = newRecordId()
  const name = 'name' in request ? (request.name ?? null) : null
  const row = {
    id,
    type,
    status: 'queued',
    name,
    request: requestText(job),
    created_at: now(),
  }
  await catalog.insertInto('jobs').values(row).execute()
  const outside = outsideSearch(job)
  if (outside)
    await catalog.insertInto('external_searches').values({ job_id: id, direction: outside.direction }).execute()
  await insertLabels(catalog, id, labels)
  // In order, so that two jobs with the same inputs never wait for each other.
  for (const inputId of [...new Set(inputIds)].sort()) {
    if (!(await holdInput(catalog, inputId))) {
      const message = `${inputId} was deleted while the job was created`
      throw new TureenError('TUREEN_NOT_FOUND', `The model, data set or export ${message}. Make it again.`, [
        { actual: inputId, message },
      ])
    }
    await catalog.insertInto('job_inputs').values({ job_id: id, input_id: inputId }).execute()
  }
  return id
}

/** Returns true if there is a model, data set or export with this id. Then a deletion waits for the transaction, and finds its job. */
async function holdInput(transaction: Catalog, id: string): Promise<boolean> {
  for (const table of ['models', 'datasets', 'exports'] as const) if (await holdRow(transaction, table, id)) return true
  return false
}

/** A job, without its result if that has several parts. `resultParts`: number of parts then; null for others. */
export type StoredJob = { job: JobItem; resultParts: number | null }

/** Most characters of a request and its result that take less than a millisecond to parse. */
const quickCharacters = 64 << 10

export async function jobById(catalog: Catalog, id: string): Promise<StoredJob | undefined> {
  const row = await selectJobs(catalog).where('id', '=', possibleId(id)).executeTakeFirst()
  if (!row) return undefined
  if (row.request.length + (row.result?.length ?? 0) > quickCharacters) await ownTurn()
  const job = toItem(row)
  return { job, resultParts: row.result_parts === 1 || !isReadable(job) ? null : row.result_parts }
}

/**
 * Returns the number of queued jobs, or of those that wait. Other transactions wait to count them until this one has ended, so that together they
 * insert no more than a limit.
 */
export async function countQueued(transaction: Catalog, status: 'queued' | 'waiting' = 'queued'): Promise<number> {
  await lockName(transaction, 'queue')
  const { count } = await transaction
    .selectFrom('jobs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(hasStatus(status))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Returns the queued jobs that this version can run, oldest first. */
export async function queuedJobs(catalog: Catalog): Promise<Pick<Tables['jobs'], 'id' | 'type' | 'attempts'>[]> {
  const queued = await catalog
    .selectFrom('jobs')
    .select(['id', 'type', 'attempts'])
    .select(beginnings)
    .where(hasStatus('queued'))
    .orderBy('id')
    .execute()
  return queued.filter(job => !isOfNewerVersion(job)).map(({ id, type, attempts }) => ({ id, type, attempts }))
}

/**
 * Changes the status of a job, if its status is one of `from`.
 * @param startedAt the start that changes it; undefined for a change by others
 * @returns false if the status is another one, or another start has replaced this one
 */
export async function transition(
  catalog: Catalog,
  id: string,
  from: readonly JobStatus[],
  status: JobStatus,
  changes: JobChanges = {},
  startedAt?: string,
): Promise<boolean> {
  const update = catalog
    .updateTable('jobs')
    .set({ ...storedStatus(status), ...changes })
    .where('id', '=', id)
    .where(hasStatus(...from))
  const ofStart = startedAt === undefined ? update : update.where('started_at', '=', startedAt)
  const { numUpdatedRows } = await ofStart.executeTakeFirst()
  return numUpdatedRows > 0
}

export type JobChanges = Partial<
  Pick<
    Tables['jobs'],
    | 'started_at'
    | 'finished_at'
    | 'expires_at'
    | 'result_parts'
    | 'last_failure'
    | 'error'
    | 'progress'
    | 'search_summary'
    | 'attempts'
  >
>

/** Saves the progress of a start of a job. @returns its attempts; undefined if the job no longer runs, or not in this start */
export async function saveProgress(
  catalog: Catalog,
  { id, startedAt }: Pick<Claim, 'id' | 'startedAt'>,
  progress: JobProgress,
): Promise<number | undefined> {
  const row = await catalog
    .updateTable('jobs')
    .set({ progress: writeDocument(jobDocuments.progress, progress) })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .where('started_at', '=', startedAt)
    .returning('attempts')
    .executeTakeFirst()
  return row && (row.attempts ?? 0)
}

/** True if a job runs, and this start of it is the newest. */
export async function isPresentStart(
  catalog: Catalog,
  { id, startedAt }: Pick<Claim, 'id' | 'startedAt'>,
): Promise<boolean> {
  const running = catalog.selectFrom('jobs').select('id').where('id', '=', id).where('status', '=', 'running')
  return (await running.where('started_at', '=', startedAt).executeTakeFirst()) !== undefined
}

export function now(): string {
  return new Date().toISOString()
}

/** Selects jobs with their results that have one part, and with the beginnings of others. */
const selectJobs = (catalog: Catalog) =>
  catalog
    .selectFrom('jobs')
    .leftJoin('job_result_parts', join => join.onRef('job_result_parts.job_id', '=', 'jobs.id').on('part', '=', 0))
    .selectAll('jobs')
    .select(sql<string | null>`case when result_parts = 1 then text else substr(text, 1, 40) end`.as('result'))
    .select(labelsColumn(catalog, 'jobs.id').as('labels'))

/** Returns the search summary in a column; null if there is none. @throws Error if it is damaged, or of a newer version */
function summaryIn(text: string | null): SearchSummary | null {
  return text === null ? null : readDocument(jobDocuments.search_summary, searchSummary, text)
}

function toItem(row: Tables['jobs'] & { result: string | null; labels: string }): JobItem {
  const json = (name: keyof typeof jobDocuments) => documentIn(name, row[name])
  return readOr(
    () => {
      refuseNewer(jobDocuments.result, row.result ?? '')
      return withFinishedProgress(
        parseKnown(job, {
          id: row.id,
          type: knownType(row.type),
          status: statusIn(row),
          progress: json('progress'),
          labels: JSON.parse(row.labels),
          createdAt: row.created_at,
          startedAt: row.started_at,
          finishedAt: row.finished_at,
          expiresAt: row.expires_at,
          attempts: row.attempts ?? 0,
          ...(row.last_failure ? { lastFailure: json('last_failure') } : {}),
          request: json('request'),
          ...(row.result_parts === 1 ? { result: documentIn('result', row.result ?? '') } : {}),
          ...(row.error ? { error: json('error') } : {}),
        }),
        summaryIn(row.search_summary)?.candidates,
      )
    },
    reason => unreadableJobOf(row, reason),
  )
}

/** The small columns of a job. */
type SmallColumns = Omit<Tables['jobs'], 'request' | 'result_parts' | 'last_failure'> & { labels: string }

/** Returns the readable fields of a job whose row is damaged. */
export function unreadableJobOf(row: SmallColumns, reason: string): UnreadableJob {
  const error = readOr<ProblemDocument | undefined, undefined>(
    () => (row.error === null ? undefined : readDocument(jobDocuments.error, problem, row.error)),
    () => undefined,
  )
  return {
    id: String(row.id),
    type: validOr(jobType, row.type, null),
    status: validOr(jobStatus, statusIn(row), 'failed' as const),
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
