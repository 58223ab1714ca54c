import type { z } from 'zod'
import type {
  candidateFilters,
  candidateLease,
  candidateOutcome,
  candidatePage,
  leaseRequest,
  renewedLease,
  ShownCandidate,
} from '../schemas/candidate.ts'
import { type DownloadOptions, download, headOf } from './content.ts'
import { type Exchange, readJson, readNothing } from './exchange.ts'
import { type Filters, filterQuery } from './filters.ts'
import type { GuardedOptions, RequestOptions } from './settings.ts'

/** Operations of scorers. `job`: the id of a search with scores from outside; `candidate`: the id of one of its candidates. */
export function candidateOperations(exchange: Exchange) {
  const { send } = exchange
  const contentOf = (id: string, candidate: string) =>
    ({ get: 'getCandidateContent', head: 'headCandidateContent', values: { id, candidate } }) as const
  const dataOf = (id: string, candidate: string, location: string) =>
    ({ get: 'getCandidateData', head: 'headCandidateData', values: { id, candidate, location } }) as const

  return {
    /** Leases candidates to score. `wait`: seconds until there are some or the search has ended, at most 45. */
    createLease: (
      job: string,
      request: z.input<typeof leaseRequest> = {},
      { wait, ...options }: RequestOptions & { wait?: number } = {},
    ) => {
      const call = { query: { wait }, body: JSON.stringify(request), options }
      return send('createLease', { id: job }, call, readJson<z.infer<typeof candidateLease>>)
    },
    /** Makes a lease expire so many seconds from now. */
    updateLease: (job: string, lease: string, seconds: number, options?: RequestOptions) => {
      const call = { body: JSON.stringify({ seconds }), options }
      return send('updateLease', { id: job, lease }, call, readJson<z.infer<typeof renewedLease>>)
    },
    /** Gives a lease back. Its candidates without an outcome go to the next scorer. */
    deleteLease: (job: string, lease: string, options?: RequestOptions) =>
      send('deleteLease', { id: job, lease }, { options }, readNothing),
    /** One page of candidates, in the order in which the search asked. */
    listCandidates: (job: string, filters: Filters<typeof candidateFilters> = {}, options?: RequestOptions) => {
      const call = { query: filterQuery(filters), options }
      return send('listCandidates', { id: job }, call, readJson<z.infer<typeof candidatePage>>)
    },
    getCandidate: (job: string, candidate: string, options?: RequestOptions) =>
      send('getCandidate', { id: job, candidate }, { options }, readJson<ShownCandidate>),
    /** Sends the score of a candidate, the scores of all samples, or the reason why there is none. */
    putCandidateScore: (
      job: string,
      candidate: string,
      outcome: z.input<typeof candidateOutcome>,
      options?: GuardedOptions,
    ) => {
      const call = { body: JSON.stringify(outcome), options }
      return send('putCandidateScore', { id: job, candidate }, call, readJson<ShownCandidate>)
    },
    /** Downloads the ONNX file of a candidate. */
    getCandidateContent: (job: string, candidate: string, options?: DownloadOptions) =>
      download(exchange, contentOf(job, candidate), {}, options),
    headCandidateContent: (job: string, candidate: string, options?: RequestOptions) =>
      headOf(exchange, contentOf(job, candidate), {}, options),
    /** Downloads one file of external data, which belongs beside an ONNX file of more than 2 GB. */
    getCandidateData: (job: string, candidate: string, location: string, options?: DownloadOptions) =>
      download(exchange, dataOf(job, candidate, location), {}, options),
    headCandidateData: (job: string, candidate: string, location: string, options?: RequestOptions) =>
      headOf(exchange, dataOf(job, candidate, location), {}, options),
  }
}
