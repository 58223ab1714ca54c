import { TureenError } from '../../errors.ts'
import type { Catalog } from '../../storage/database.ts'
import { decodeIndexCursor, readPage } from '../../storage/paging.ts'
import { newRecordId } from '../../storage/record-ids.ts'
import { hasEnded } from '../end-job.ts'
import type { JobEvents } from '../job-events.ts'
import type { JobQueue } from '../job-queue.ts'
import type { CandidateLedger, ExternalCandidate } from './candidate-ledger.ts'
import { candidateIn, selectCandidates } from './candidate-rows.ts'
import { settleExpired } from './expired-leases.ts'
import { type ExternalSearch, findSearch, lockSearch, queueIfDue } from './locked-search.ts'
import { settleCandidate } from './settle-candidate.ts'

/** Everything that the ledger uses. `clock`: milliseconds since 1970. */
export type LedgerServices = { catalog: Catalog; queue: JobQueue; events: JobEvents; clock: () => number }

/** A search that a transaction has locked, and the time of the transaction. */
export type LedgerWork<Result> = (transaction: Catalog, search: ExternalSearch, now: string) => Promise<Result>

/**
 * Changes the books of a search in one transaction, which first settles expired leases. If then nothing is left to wait for, the job goes back
 * into the queue in the same transaction.
 */
export async function changeBooks<Result>(
  { queue, events, clock }: Omit<LedgerServices, 'catalog'>,
  jobId: string,
  work: LedgerWork<Result>,
): Promise<Result> {
  const results: { value: Result }[] = []
  await queue.enqueue(async transaction => {
    const now = new Date(clock()).toISOString()
    const search = await lockSearch(transaction, jobId)
    await settleExpired(transaction, search, now)
    results.push({ value: await work(transaction, search, now) })
    return queueIfDue(transaction, search, now)
  })
  events.changed(jobId)
  const [result] = results
  if (!result) throw new Error('the queue ran no transaction')
  return result.value
}

/** Returns the ledger of the searches of a store. */
export function createCandidateLedger(services: LedgerServices): CandidateLedger {
  const { catalog, clock } = services
  const change = <Result>(jobId: string, work: LedgerWork<Result>) =>
    changeBooks(services, jobId, async (transaction, search, now) => {
      await transaction.updateTable('external_searches').set({ heard_at: now }).where('job_id', '=', jobId).execute()
      return work(transaction, search, now)
    })

  const byId = async (through: Catalog, jobId: string, candidateId: string): Promise<ExternalCandidate> => {
    const row = await selectCandidates(through, jobId)
      .where('search_candidates.id', '=', candidateId)
      .executeTakeFirst()
    if (row) return candidateIn(row)
    const message = `the search ${jobId} has no candidate ${candidateId}`
    throw new TureenError(
      'TUREEN_NOT_FOUND',
      `In this store ${message}. GET /v1/jobs/${jobId}/candidates lists them.`,
      [{ job: jobId, actual: candidateId, message }],
    )
  }

  const leaseIn = async (transaction: Catalog, jobId: string, leaseId: string) => {
    const lease = await transaction
      .selectFrom('search_leases')
      .select(['id', 'expires_at'])
      .where('job_id', '=', jobId)
      .where('id', '=', leaseId)
      .executeTakeFirst()
    if (lease) return lease
    const message = `the search ${jobId} has no lease ${leaseId}`
    throw new TureenError('TUREEN_NOT_FOUND', `In this store ${message}, or it was given back. Ask for a new lease.`, [
      { job: jobId, actual: leaseId, message },
    ])
  }

  return {
    lease: (jobId, { count, seconds, scorer }) =>
      change(jobId, async (transaction, search, now) => {
        const job = { id: jobId, status: search.status }
        const open = hasEnded(search.status) ? [] : await openCandidates(transaction, jobId, scorer, count)
        if (open.length === 0) {
          const retryAt = hasEnded(search.status) ? null : await nextExpiry(transaction, jobId)
          return { id: null, expiresAt: null, retryAt, job, candidates: [] }
        }
        const id = newRecordId()
        const expiresAt = new Date(clock() + seconds * 1000).toISOString()
        await transaction.insertInto('search_leases').values({ id, job_id: jobId, expires_at: expiresAt }).execute()
        await transaction
          .updateTable('search_candidates')
          .set(({ eb }) => ({ state: 'leased', lease_id: id, leased_at: now, attempts: eb('attempts', '+', 1) }))
          .where('id', 'in', open)
          .execute()
        const leased = selectCandidates(transaction, jobId).where('lease_id', '=', id).orderBy('place')
        return { id, expiresAt, job, candidates: (await leased.execute()).map(candidateIn) }
      }),
    renew: (jobId, leaseId, seconds) =>
      change(jobId, async (transaction, _, now) => {
        const { expires_at } = await leaseIn(transaction, jobId, leaseId)
        if (expires_at <= now) throw leaseExpired(jobId, leaseId, expires_at)
        const expiresAt = new Date(clock() + seconds * 1000).toISOString()
        await transaction
          .updateTable('search_leases')
          .set({ expires_at: expiresAt })
          .where('id', '=', leaseId)
          .execute()
        return { id: leaseId, expiresAt }
      }),
    giveBack: (jobId, leaseId) =>
      change(jobId, async transaction => {
        await leaseIn(transaction, jobId, leaseId)
        await transaction
          .updateTable('search_candidates')
          .set(({ eb }) => ({ state: 'open', lease_id: null, attempts: eb('attempts', '-', 1) }))
          .where('job_id', '=', jobId)
          .where('state', '=', 'leased')
          .where('lease_id', '=', leaseId)
          .execute()
        await transaction.deleteFrom('search_leases').where('id', '=', leaseId).execute()
      }),
    async list(jobId, { limit, cursor, state }) {
      await findSearch(catalog, jobId)
      let query = selectCandidates(catalog, jobId).orderBy('place')
      if (state !== undefined) query = query.where('state', '=', state)
      const read = (after: string | undefined, count: number) =>
        (after === undefined ? query : query.where('place', '>', Number(after))).limit(count).execute()
      const after = cursor === undefined ? undefined : String(decodeIndexCursor(cursor))
      return readPage({ read, keyOf: ({ place }) => String(place), toItem: candidateIn }, limit, after)
    },
    async get(jobId, candidateId) {
      await findSearch(catalog, jobId)
      return byId(catalog, jobId, candidateId)
    },
    score: (jobId, candidateId, outcome) =>
      change(jobId, async (transaction, search, now) => {
        const candidate = await byId(transaction, jobId, candidateId)
        const hasChanged = await settleCandidate(transaction, search, candidate, outcome, now)
        return hasChanged ? byId(transaction, jobId, candidateId) : candidate
      }),
    heard: jobId => change(jobId, async () => undefined),
  }
}

/** Returns the ids of the open candidates to lease first: those that the search waits for, in the order in which it asked. */
async function openCandidates(
  transaction: Catalog,
  jobId: string,
  scorer: string | undefined,
  count: number,
): Promise<string[]> {
  let open = transaction
    .selectFrom('search_candidates')
    .select('id')
    .where('job_id', '=', jobId)
    .where('state', '=', 'open')
    .where('required', '>=', 0)
    .orderBy('required', 'desc')
    .orderBy('place')
    .limit(count)
  if (scorer !== undefined) open = open.where('scorer', '=', scorer)
  return (await open.execute()).map(({ id }) => id)
}

/** Returns the time at which the first running lease expires that has candidates; null if there is none. */
async function nextExpiry(transaction: Catalog, jobId: string): Promise<string | null> {
  const row = await transaction
    .selectFrom('search_candidates')
    .innerJoin('search_leases', 'search_leases.id', 'search_candidates.lease_id')
    .select('search_leases.expires_at')
    .where('search_candidates.job_id', '=', jobId)
    .where('state', '=', 'leased')
    .orderBy('search_leases.expires_at')
    .limit(1)
    .executeTakeFirst()
  return row?.expires_at ?? null
}

function leaseExpired(jobId: string, leaseId: string, expiredAt: string): TureenError {
  const message = `expired at ${expiredAt}`
  return new TureenError(
    'TUREEN_LEASE_EXPIRED',
    `The lease ${leaseId} ${message}, and its candidates go to the next scorer. Ask for a new lease, and renew it in time. A score that is there already is still taken.`,
    [{ job: jobId, expected: 'a lease that has not expired', actual: leaseId, message }],
  )
}
