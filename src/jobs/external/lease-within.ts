import { hasEnded } from '../end-job.ts'
import type { JobEvents } from '../job-events.ts'
import { sharedReads } from '../shared-reads.ts'
import type { CandidateLedger, Leased } from './candidate-ledger.ts'

/** The candidates that a request asks for: see {@link CandidateLedger.lease}. */
export type WantedLease = Parameters<CandidateLedger['lease']>[1]

/**
 * Leases candidates as soon as there are any. It answers without candidates when the search has ended, or `seconds` have passed.
 * @param gone fires when the client is gone. It then gets no candidates: those of an answer that nobody reads go back
 */
export type LeaseWithin = (jobId: string, wanted: WantedLease, seconds: number, gone: AbortSignal) => Promise<Leased>

/** Least milliseconds until a lease of others that is about to expire is asked for. */
const leastRetry = 50

/**
 * @param hasJobEnded tells if a job has ended
 * @param closing fires when the server closes, which ends all waits
 * @param clock milliseconds since 1970, by which leases expire
 */
export function createLeaseWithin(
  ledger: Pick<CandidateLedger, 'lease' | 'list' | 'giveBack'>,
  events: Pick<JobEvents, 'follow'>,
  hasJobEnded: (jobId: string) => Promise<boolean>,
  closing: AbortSignal,
  clock: () => number,
): LeaseWithin {
  /** Scores and progress of a search wake all that wait for it. One read then finds that there is nothing new. */
  const isWorthwhile = sharedReads(async (jobId: string) => {
    if (await hasJobEnded(jobId)) return true
    const { items } = await ledger.list(jobId, { limit: 1, state: 'open' })
    return items.length > 0
  })
  return async (jobId, wanted, seconds, gone) => {
    const over = AbortSignal.any([gone, closing])
    const until = performance.now() + seconds * 1000
    const followed = events.follow(jobId, over)
    try {
      for (;;) {
        const leased = await ledger.lease(jobId, wanted)
        if (leased.id !== null && gone.aborted) await ledger.giveBack(jobId, leased.id)
        if (leased.id !== null || hasEnded(leased.job.status) || over.aborted) return leased
        const retryIn = leased.retryAt === null ? Number.POSITIVE_INFINITY : Date.parse(leased.retryAt) - clock()
        const next = Math.min(until, performance.now() + Math.max(leastRetry, retryIn))
        do {
          if (performance.now() >= until) return leased
          await followed.next(Math.max(0, next - performance.now()))
          // A client that is gone needs no answer, and no candidates.
          if (over.aborted) return leased
        } while (performance.now() < next && !(await isWorthwhile(jobId)))
      }
    } finally {
      followed.close()
    }
  }
}
