import type { Logger } from 'pino'
import type { JobItem } from '../../../schemas/job.ts'
import { jobProgress } from '../../../schemas/job.ts'
import { TureenError } from '../../errors.ts'
import { problemDocument } from '../../problem-document.ts'
import type { Catalog } from '../../storage/database.ts'
import { readDocument, writeDocument } from '../../storage/documents/stored-document.ts'
import { readOr } from '../../storage/unreadable.ts'
import type { EndJob } from '../end-job.ts'
import { jobDocuments } from '../job-documents.ts'
import { changeBooks, type LedgerServices } from './create-ledger.ts'
import { type ExternalSearch, isWaitedFor, waitingSearches } from './locked-search.ts'

/** Looks after searches that wait for scores from outside. */
export type ExternalUpkeep = {
  /**
   * Takes candidates from expired leases, puts searches back into the queue whose budget of seconds is spent, and fails those that no scorer
   * works for. It passes over searches that it cannot look after, and tells the log.
   */
  sweep(): Promise<void>
}

/** @param idleSeconds seconds without a sign of a scorer after which a search fails. @param jobEnded hears of each search that fails */
export function createExternalUpkeep(
  services: LedgerServices & { end: EndJob; log: Logger },
  idleSeconds: number,
  jobEnded: (job: JobItem) => void,
): ExternalUpkeep {
  const { catalog, end, clock, log } = services

  /** Fails a search that still waits, and has no running lease. */
  const failIdle = async (transaction: Catalog, search: ExternalSearch, since: string) => {
    if (search.status !== 'waiting' || !(await isWaitedFor(transaction, search.id))) return undefined
    if (!(await isIdle(transaction, search.id, since))) return undefined
    const error = problemDocument(await idle(transaction, search, idleSeconds))
    return end(transaction, search.id, 'failed', { error: writeDocument(jobDocuments.error, error) })
  }
  const each = async (ids: readonly string[], work: (id: string) => Promise<void>) => {
    for (const id of ids)
      await work(id).catch((error: unknown) =>
        log.error({ err: error, jobId: id }, 'a search that waits for scores could not be looked after'),
      )
  }
  return {
    async sweep() {
      const now = new Date(clock()).toISOString()
      await each([...new Set([...(await withExpired(catalog, now)), ...(await spent(catalog, now))])], id =>
        changeBooks(services, id, async () => undefined),
      )
      const since = new Date(clock() - idleSeconds * 1000).toISOString()
      await each(await silentSince(catalog, since), async id => {
        const failed = await changeBooks(services, id, (transaction, search) => failIdle(transaction, search, since))
        if (!failed) return
        jobEnded(failed.job)
        log.info({ jobId: id, code: 'TUREEN_EXTERNAL_IDLE' }, 'a job failed')
      })
    },
  }
}

/** Returns the ids of the searches that have candidates of expired leases. */
async function withExpired(catalog: Catalog, now: string): Promise<string[]> {
  const rows = await catalog
    .selectFrom('search_candidates')
    .innerJoin('search_leases', 'search_leases.id', 'search_candidates.lease_id')
    .select('search_candidates.job_id')
    .distinct()
    .where('state', '=', 'leased')
    .where('search_leases.expires_at', '<=', now)
    .execute()
  return rows.map(({ job_id }) => job_id)
}

/** Returns the ids of the waiting searches whose budget of seconds is spent. */
async function spent(catalog: Catalog, now: string): Promise<string[]> {
  const rows = await waitingSearches(catalog).where('ends_at', '<=', now).execute()
  return rows.map(({ id }) => id)
}

/** Returns the ids of the waiting searches that have heard of no scorer since a time. */
async function silentSince(catalog: Catalog, since: string): Promise<string[]> {
  const rows = await waitingSearches(catalog)
    .where('waiting_since', '<=', since)
    .where(({ or, eb }) => or([eb('heard_at', 'is', null), eb('heard_at', '<=', since)]))
    .execute()
  return rows.map(({ id }) => id)
}

/** True if no scorer has given a sign since a time, and none has a lease. The search must be locked, and its expired leases settled. */
async function isIdle(transaction: Catalog, id: string, since: string): Promise<boolean> {
  const leased = transaction
    .selectFrom('search_candidates')
    .select('id')
    .where('job_id', '=', id)
    .where('state', '=', 'leased')
    .limit(1)
  if (await leased.executeTakeFirst()) return false
  const row = transaction.selectFrom('external_searches').select('heard_at').where('job_id', '=', id)
  const { heard_at } = await row.executeTakeFirstOrThrow()
  return heard_at === null || heard_at <= since
}

async function idle(transaction: Catalog, { id, progress }: ExternalSearch, idleSeconds: number): Promise<TureenError> {
  const counted = await transaction
    .selectFrom('search_candidates')
    .select(['state', ({ fn }) => fn.countAll<number>().as('candidates')])
    .where('job_id', '=', id)
    .groupBy('state')
    .execute()
  const sum = (...states: string[]) =>
    counted.reduce((total, { state, candidates }) => total + (states.includes(state) ? Number(candidates) : 0), 0)
  const best = readOr<number | null, null>(
    () => (progress === null ? null : (readDocument(jobDocuments.progress, jobProgress, progress).best ?? null)),
    () => null,
  )
  const seconds = idleSeconds.toLocaleString('en')
  const found = `no scorer has asked for a candidate of the search ${id} for ${seconds} seconds (TUREEN_EXTERNAL_IDLE_SECONDS)`
  const books = `${sum('scored')} candidates are scored, ${sum('unscored')} have no score, and ${sum('open', 'leased')} wait`
  const soFar = best === null ? '' : `; the best score so far is ${best}`
  return new TureenError(
    'TUREEN_EXTERNAL_IDLE',
    `The search waited in vain: ${found}. ${books}${soFar}. Start a scorer, and post the search again: it goes on with the scores that were kept.`,
    [
      {
        job: id,
        field: 'TUREEN_EXTERNAL_IDLE_SECONDS',
        expected: `a scorer within ${seconds} seconds`,
        actual: `${sum('scored')} of ${sum('scored', 'unscored', 'open', 'leased')} candidates scored`,
        message: found,
      },
    ],
  )
}
