import { z } from 'zod'
import { type Mistake, mistake } from '../../schemas/mistake.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { Catalog } from '../storage/database.ts'
import { type DocumentKind, readDocument, writeDocument } from '../storage/documents/stored-document.ts'
import { decodeIndexCursor, encodeCursor, type Page } from '../storage/paging.ts'
import { readOr, unreadableRecord } from '../storage/unreadable.ts'
import type { StoredJob } from './job-records.ts'

/** Mistakes in one row: as many as the largest page has. */
const partLength = 500

/** A part of the mistakes that the catalog keeps of a search. */
const mistakesDocument: DocumentKind = { name: 'mistakes', upgrades: [] }
const storedPart = z.object({ items: z.array(mistake) })

/** Writes the mistakes of a search. An empty list has one empty part: then the mistakes were looked for. */
export async function writeMistakes(catalog: Catalog, jobId: string, mistakes: readonly Mistake[]): Promise<void> {
  for (let part = 0; part === 0 || part * partLength < mistakes.length; part += 1) {
    const items = mistakes.slice(part * partLength, (part + 1) * partLength)
    const row = { job_id: jobId, part, mistakes: writeDocument(mistakesDocument, { items }) }
    await catalog.insertInto('job_mistakes').values(row).execute()
  }
}

/** Lists the mistakes of a search, in the order of the samples. */
export type ListMistakes = (
  jobId: string,
  page: { limit: number; cursor?: string | undefined },
) => Promise<Page<Mistake>>

/** Error codes of {@link ListMistakes}. */
export const mistakeErrors = [
  'TUREEN_NOT_FOUND',
  'TUREEN_RECORD_UNREADABLE',
  'TUREEN_REQUEST_INVALID',
] as const satisfies readonly ErrorCode[]

/** @param get returns a job, or throws TureenError `TUREEN_NOT_FOUND` */
export function createListMistakes(catalog: Catalog, get: (id: string) => Promise<StoredJob>): ListMistakes {
  return async (jobId, { limit, cursor }) => {
    const { job } = await get(jobId)
    const from = cursor === undefined ? 0 : decodeIndexCursor(cursor)
    const first = Math.floor(from / partLength)
    const rows = await catalog
      .selectFrom('job_mistakes')
      .select('mistakes')
      .where('job_id', '=', job.id)
      .where('part', 'in', [first, first + 1])
      .orderBy('part')
      .execute()
    if (rows.length === 0 && from === 0) throw hasNone(job)
    const items = rows.flatMap(({ mistakes }) => partOf(job.id, mistakes))
    const start = from - first * partLength
    const isMore = items.length > start + limit
    return { items: items.slice(start, start + limit), nextCursor: isMore ? encodeCursor(String(from + limit)) : null }
  }
}

function partOf(job: string, text: string): Mistake[] {
  return readOr(
    () => readDocument(mistakesDocument, storedPart, text).items,
    reason => {
      throw unreadableRecord({ job }, reason)
    },
  )
}

function hasNone({ id, type, status }: StoredJob['job']): TureenError {
  const message =
    type !== 'search'
      ? `is a job of the type ${type}, and only searches have mistakes`
      : status === 'succeeded'
        ? 'has none: only searches by a scoring metric of classes, with one target for each sample, tell them'
        : `is ${status}, and a search tells its mistakes when it has succeeded`
  return new TureenError('TUREEN_NOT_FOUND', `The job ${id} ${message}.`, [{ job: id, message }])
}
