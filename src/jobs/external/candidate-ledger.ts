import type { JobStatus } from '../../../schemas/job.ts'
import type { ScorerReference } from '../../../schemas/search-terms.ts'
import type { ErrorCode } from '../../error-catalogue.ts'
import type { CandidateSoup } from '../../merge/candidate-plan.ts'
import type { Page } from '../../storage/paging.ts'

/** Use of a score: `selection` chooses the winner, `test` compares it with the best single model at the end. */
export type Split = 'selection' | 'test'

/** `open`: waits for a scorer; `leased`: a scorer has it; `scored`; `unscored`: it has no score, and gets none any more. */
export type CandidateState = 'open' | 'leased' | 'scored' | 'unscored'

/** A candidate that a search wants a score of: a soup, a split and a scorer. */
export type ExternalCandidate = {
  id: string
  /** Place in the order in which the search asked, from 0 on. */
  place: number
  soup: CandidateSoup
  split: Split
  scorer: ScorerReference
  state: CandidateState
  /** Leases of it so far, without those that were given back. */
  attempts: number
  /** Id of its lease; null if it has none. */
  lease: string | null
  /** End of its lease; null if it has none. */
  expiresAt: string | null
  /** The score, or the mean of the scores of its samples; null if there is none. */
  score: number | null
  /** Number of samples; null if the scorer sent one number. */
  samples: number | null
  /** Reason why there is no score; null for candidates in another state than `unscored`. */
  error: string | null
  /** The details that the scorer sent. */
  details: Record<string, unknown> | null
  createdAt: string
  /** Time of the score, or of its failure; null before. */
  settledAt: string | null
}

/**
 * Candidates that a scorer has for a while. `id`: null if there was none to hand out. `retryAt`: the next time at which a lease of others
 * expires; null if none will. Other candidates come after scores: {@link JobEvents} tells of them.
 */
export type Leased = {
  job: { id: string; status: JobStatus }
  candidates: ExternalCandidate[]
} & ({ id: string; expiresAt: string } | { id: null; expiresAt: null; retryAt: string | null })

/** Outcome of a candidate: a score, scores of all samples in an order that is the same for all candidates, or the reason why there is none. */
export type CandidateOutcome = ({ score: number } | { scores: readonly number[] } | { error: string }) & {
  details?: Record<string, unknown> | undefined
}

/**
 * The books of searches with scores from outside. Each function throws a TureenError: `TUREEN_NOT_FOUND` for an unknown job, lease or candidate,
 * and `TUREEN_NOT_EXTERNAL` for a job that is no search with a scorer from outside.
 */
export type CandidateLedger = {
  /**
   * Leases the first open candidates of a search. Nothing is leased if the search has ended.
   * @param wanted `count`: most candidates; `seconds`: until the lease expires; `scorer`: name of the scorer, any if undefined
   */
  lease(jobId: string, wanted: { count: number; seconds: number; scorer?: string | undefined }): Promise<Leased>
  /** Makes a lease expire `seconds` from now. @throws TureenError also `TUREEN_LEASE_EXPIRED` */
  renew(jobId: string, leaseId: string, seconds: number): Promise<{ id: string; expiresAt: string }>
  /** Gives the candidates of a lease back that have no outcome. The lease does not count as an attempt, unless it has expired. */
  giveBack(jobId: string, leaseId: string): Promise<void>
  /** Returns a page of candidates, in the order in which the search asked. @throws TureenError also `TUREEN_REQUEST_INVALID` */
  list(
    jobId: string,
    filters: { limit: number; cursor?: string | undefined; state?: CandidateState | undefined },
  ): Promise<Page<ExternalCandidate>>
  get(jobId: string, candidateId: string): Promise<ExternalCandidate>
  /**
   * Settles a candidate, with or without a lease. The same outcome again changes nothing. The last outcome of those that a search waits for
   * puts its job back into the queue. Outcomes of an ended search are kept for the next one.
   * @throws TureenError also `TUREEN_CANDIDATE_SCORED` if the candidate has another outcome
   */
  score(jobId: string, candidateId: string, outcome: CandidateOutcome): Promise<ExternalCandidate>
  /** Tells that a scorer is at work, such as by reading the content of a candidate. The search then is not idle. */
  heard(jobId: string): Promise<void>
}

const known = ['TUREEN_NOT_FOUND', 'TUREEN_NOT_EXTERNAL', 'TUREEN_RECORD_UNREADABLE'] as const
const changed = [...known, 'TUREEN_STORE_FULL'] as const

/** Error codes of {@link CandidateLedger}. */
export const ledgerErrors = {
  lease: changed,
  renew: [...changed, 'TUREEN_LEASE_EXPIRED'],
  giveBack: changed,
  list: [...known, 'TUREEN_REQUEST_INVALID'],
  get: known,
  score: [...changed, 'TUREEN_CANDIDATE_SCORED'],
  heard: changed,
} as const satisfies Record<keyof CandidateLedger, readonly ErrorCode[]>
