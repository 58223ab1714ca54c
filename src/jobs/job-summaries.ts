import { type SqlBool, sql } from 'kysely'
import {
  type JobListItem,
  type JobOrder,
  type JobStatus,
  type JobType,
  jobSummary,
  type SearchSummary,
} from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import type { Catalog } from '../storage/database.ts'
import { parseKnown } from '../storage/documents/known-fields.ts'
import { statusColumn, statusIn } from '../storage/job-status.ts'
import { decodePlace, type Page, readPage } from '../storage/paging.ts'
import { hasLabels, type Labels, labelsColumn } from '../storage/record-labels.ts'
import { placeForm, placeIn, placeText } from '../storage/records/row-order.ts'
import { readOr } from '../storage/unreadable.ts'
import { documentIn, knownType } from './job-documents.ts'
import { finishedProgress, unreadableJobOf } from './job-records.ts'

export type JobFilters = {
  limit: number
  cursor?: string | undefined
  type?: JobType | undefined
  status?: JobStatus | undefined
  name?: string | undefined
  label: Labels
  /** The order of the list. The default is the newest job first. */
  sort?: JobOrder | undefined
  /** Times with milliseconds, as the catalog keeps them: the first that counts, and the first that counts no more. */
  createdAfter?: string | undefined
  createdBefore?: string | undefined
}

/** Columns of a list. The index `jobs_listed` has exactly these, so a list never reads rows with requests and results. */
const listedColumns = [
  'id',
  'type',
  'status',
  'progress',
  'error',
  'created_at',
  'started_at',
  'finished_at',
  'expires_at',
  'attempts',
  'name',
  'search_summary',
  'waiting_since',
] as const

/** Returns a page of jobs without requests and results. */
export async function listJobs(
  catalog: Catalog,
  { limit, cursor, type, status, name, label, createdAfter, createdBefore, sort = '-created' }: JobFilters,
): Promise<Page<JobListItem>> {
  const isNewestFirst = sort === '-created'
  let query = selectListed(catalog)
    .where(hasLabels(label, 'jobs.id'))
    .orderBy('id', isNewestFirst ? 'desc' : 'asc')
  if (type !== undefined) query = query.where('type', '=', type)
  // An expression stops the use of the index of statuses, with which SQLite would read and sort all rows of one status.
  if (status !== undefined) query = query.where(sql<SqlBool>`${statusColumn} || '' = ${status}`)
  if (name !== undefined) query = query.where('name', '=', name)
  if (createdAfter !== undefined) query = query.where('created_at', '>=', createdAfter)
  if (createdBefore !== undefined) query = query.where('created_at', '<', createdBefore)
  const read = (after: string | undefined, count: number) => {
    const beyond = after === undefined ? query : query.where('id', isNewestFirst ? '<' : '>', placeIn(sort, after).id)
    return beyond.limit(count).execute()
  }
  const keyOf = ({ id }: { id: string }) => placeText(sort, { id, sort_key: null })
  return readPage({ read, keyOf, toItem }, limit, decodePlace(cursor, placeForm(sort)))
}

/** Returns the summary of a search's result for lists. */
export function searchSummaryOf(result: SearchResult): SearchSummary {
  const { model, recommended, candidates } = result
  const isRecommended = recommended?.id === model.id
  const { score } = recommended && isRecommended ? result[recommended.choice] : result.winner
  return { ...(recommended ? { recommended } : {}), score, candidates: candidates.length, winner: model }
}

const selectListed = (catalog: Catalog) =>
  catalog.selectFrom('jobs').select(listedColumns).select(labelsColumn(catalog, 'jobs.id').as('labels'))

type ListedRow = Awaited<ReturnType<ReturnType<typeof selectListed>['execute']>>[number]

function toItem(row: ListedRow): JobListItem {
  const json = (name: 'progress' | 'error' | 'search_summary') => documentIn(name, row[name])
  return readOr(
    () => {
      const search = json('search_summary') ?? undefined
      const error = json('error') ?? undefined
      const item = parseKnown(jobSummary, {
        id: row.id,
        type: knownType(row.type),
        status: statusIn(row),
        progress: json('progress'),
        name: row.name,
        labels: JSON.parse(row.labels),
        createdAt: row.created_at,
        startedAt: row.started_at,
        finishedAt: row.finished_at,
        expiresAt: row.expires_at,
        attempts: row.attempts ?? 0,
        ...(search ? { search } : {}),
        ...(error ? { error } : {}),
      })
      return { ...item, progress: finishedProgress(item, item.search?.candidates) }
    },
    reason => unreadableJobOf(row, reason),
  )
}
