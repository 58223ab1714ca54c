import type { JobListItem } from '../../schemas/job.ts'
import type { Catalog } from '../storage/database.ts'
import type { Page } from '../storage/paging.ts'
import { findJob, hasEnded } from './end-job.ts'
import type { JobEvents } from './job-events.ts'
import type { StoredJob } from './job-records.ts'
import { resultText } from './job-results.ts'
import { type JobFilters, listJobs } from './job-summaries.ts'
import { sharedReads } from './shared-reads.ts'

/** Shows jobs. */
export type JobQueries = {
  get(id: string): Promise<StoredJob>
  /** Yields the JSON text of a job in pieces. It reads a large result piece by piece. */
  text(stored: StoredJob): AsyncGenerator<string>
  list(filters: JobFilters): Promise<Page<JobListItem>>
  /** Waits until a job ends, `seconds` have passed, or `signal` fires. @returns the job at that time */
  wait(id: string, seconds: number, signal: AbortSignal): Promise<StoredJob>
}

/** Returns the queries of jobs. @param closing fires when the server closes, which ends all waits */
export function createJobQueries(catalog: Catalog, events: JobEvents, closing: AbortSignal): JobQueries {
  const get = sharedReads((id: string) => findJob(catalog, id))
  return {
    get,
    async *text({ job, resultParts }) {
      const text = JSON.stringify(job)
      if (resultParts === null) return yield text
      yield `${text.slice(0, -1)},"result":`
      yield* resultText(catalog, job.id, resultParts)
      yield '}'
    },
    list: filters => listJobs(catalog, filters),
    async wait(id, seconds, signal) {
      const over = AbortSignal.any([signal, closing])
      const until = performance.now() + seconds * 1000
      const followed = events.follow(id, over)
      try {
        for (;;) {
          const stored = await get(id)
          const left = until - performance.now()
          if (hasEnded(stored.job.status) || over.aborted || left <= 0) return stored
          await followed.next(left)
          // Nobody waits any more: what was read last will do.
          if (signal.aborted) return stored
        }
      } finally {
        followed.close()
      }
    },
  }
}
