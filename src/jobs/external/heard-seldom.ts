import type { CandidateLedger } from './candidate-ledger.ts'

/** Least milliseconds between two notes that a scorer of one search is at work. A note is a transaction, and ranges are many. */
const betweenNotes = 10_000

/** Most searches whose last notes are remembered. */
const mostSearches = 1000

/** Returns `heard` of the ledger, for requests that come often. */
export function heardSeldom({ heard }: Pick<CandidateLedger, 'heard'>): CandidateLedger['heard'] {
  const last = new Map<string, number>()
  return async jobId => {
    const now = performance.now()
    if (now - (last.get(jobId) ?? Number.NEGATIVE_INFINITY) < betweenNotes) return
    last.delete(jobId)
    last.set(jobId, now)
    for (const [oldest] of last) if (last.size > mostSearches) last.delete(oldest)
    await heard(jobId)
  }
}
