import { sql } from 'kysely'
import { type JobRequest, type JobType, jobType } from '../../schemas/job.ts'
import {
  type DocumentKind,
  isNewer,
  NewerDocument,
  openDocument,
  writeDocument,
} from '../storage/documents/stored-document.ts'

/** The documents in the row of a job, by their column. */
export const jobDocuments = {
  // Version 2: a search by other terms than one data set. Requests that version 1 can say stay of version 1, so that older servers run them.
  request: { name: 'request', upgrades: [older => older] },
  progress: { name: 'progress', upgrades: [] },
  result: { name: 'result', upgrades: [] },
  last_failure: { name: 'last failure', upgrades: [] },
  error: { name: 'error', upgrades: [] },
  search_summary: { name: 'search summary', upgrades: [] },
} as const satisfies Record<string, DocumentKind>

/** Returns a document of a job's row; null if there is none. @throws Error if it is damaged; NewerDocument */
export function documentIn(name: keyof typeof jobDocuments, text: string | null): object | null {
  return text === null ? null : openDocument(jobDocuments[name], text)
}

/** Returns the text of a request, of the oldest version that can say it. */
export function requestText(job: JobRequest): string {
  const { name, upgrades } = jobDocuments.request
  const isOld = job.type !== 'search' || 'dataset' in job.request.selection
  return writeDocument({ name, upgrades: isOld ? [] : upgrades }, job.request)
}

/** Returns the type of a job. @throws NewerDocument if this version does not know it */
export function knownType(type: unknown): JobType {
  const { success, data } = jobType.safeParse(type)
  if (success) return data
  throw new NewerDocument(
    `its type ${type} is unknown to this version of Tureen: a newer one has written it, or the disk is damaged`,
  )
}

/** Columns that tell whether this version can run a job: a few characters of each document. Damage may have made one a blob. */
export const beginnings = [
  sql<string>`cast(substr(request, 1, 40) as text)`.as('request_beginning'),
  sql<string | null>`cast(substr(progress, 1, 40) as text)`.as('progress_beginning'),
  sql<string | null>`cast(substr(last_failure, 1, 40) as text)`.as('last_failure_beginning'),
] as const

/** The values of {@link beginnings}, and the type of the job. */
export type Runnability = {
  type: string
  request_beginning: string
  progress_beginning: string | null
  last_failure_beginning: string | null
}

/**
 * True if a newer version of Tureen wrote a queued or running job. This version leaves it as it is: to run it would do other work than was
 * asked for, and to fail it would lose it.
 */
export function isOfNewerVersion(job: Runnability): boolean {
  return (
    !jobType.safeParse(job.type).success ||
    isNewer(jobDocuments.request, job.request_beginning) ||
    isNewer(jobDocuments.progress, job.progress_beginning ?? '') ||
    isNewer(jobDocuments.last_failure, job.last_failure_beginning ?? '')
  )
}
