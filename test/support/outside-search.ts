import { createHash } from 'node:crypto'
import pino from 'pino'
import { searchRequest } from '../../schemas/search.ts'
import { embeddedEvents } from '../../src/jobs/embedded-events.ts'
import { embeddedQueue } from '../../src/jobs/embedded-queue.ts'
import { findJob, jobEnder } from '../../src/jobs/end-job.ts'
import { createCandidateLedger } from '../../src/jobs/external/create-ledger.ts'
import { createExternalUpkeep } from '../../src/jobs/external/external-upkeep.ts'
import { outsideKey } from '../../src/jobs/external/outside-scores.ts'
import { type SearchPhase, searchBooks, type WantedCandidate } from '../../src/jobs/external/search-books.ts'
import { beginAttempt } from '../../src/jobs/job-attempts.ts'
import { insertJob, now, transition } from '../../src/jobs/job-records.ts'
import { statusWriter } from '../../src/jobs/until-written.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { isReadable } from '../../src/storage/unreadable.ts'

const log = pino({ level: 'silent' })

/** The digest of a model that a test only names. */
export const digestOf = (name: string) => `sha256:${createHash('sha256').update(name).digest('hex')}`

/** The parts of a service that wait for scores from outside, on a catalog. The clock stands until the test moves it. */
export function outsideSearches(catalog: Catalog, directory: string, idleSeconds = 86_400) {
  let ahead = 0
  const clock = () => Date.now() + ahead
  const events = embeddedEvents()
  const end = jobEnder(null)
  const untilWritten = statusWriter(log, new AbortController().signal)
  const reserve = createReserve(directory, async () => undefined)
  const failed: string[] = []
  const queue = embeddedQueue({ catalog, reserve, events, end, untilWritten, log }, 2, {
    jobEnded() {},
    jobCutOff() {},
  })
  const services = { catalog, queue, events, clock, end, log }
  const jobOf = async (id: string) => {
    const { job } = await findJob(catalog, id)
    if (!isReadable(job)) throw new Error(job.unreadable)
    return job
  }
  return {
    ledger: createCandidateLedger(services),
    upkeep: createExternalUpkeep(services, idleSeconds, ({ id }) => failed.push(id)),
    queue,
    events,
    end,
    failed,
    clock,
    jobOf,
    pass(seconds: number) {
      ahead += seconds * 1000
    },
    async newJob(change: object = {}) {
      const request = searchRequest.parse({
        models: [{ id: 'a' }, { id: 'b' }],
        strategy: { type: 'greedy' },
        selection: { external: { name: 'judge', version: '1' }, direction: 'max' },
        ...change,
      })
      return catalog
        .transaction()
        .execute(transaction => insertJob(transaction, { type: 'search', request, labels: {}, inputIds: [] }))
    },
    /** Starts a job, and ends the start with what it lacks, as a runner does. @returns the status of the job */
    async ask(jobId: string, wanted: readonly WantedCandidate[], phase: SearchPhase = 'choice') {
      const startedAt = now()
      await beginAttempt(catalog, jobId, startedAt)
      const books = searchBooks(catalog, jobId, clock)
      await books.begin(undefined)
      return catalog.transaction().execute(async transaction => {
        const status = (await books.want(transaction, wanted, phase)) ? 'waiting' : 'queued'
        await transition(transaction, jobId, ['running'], status, { attempts: 0 }, startedAt)
        return status
      })
    },
    /** Returns a candidate that lacks a score: one model by itself. */
    wanted(member: number, change: Partial<WantedCandidate> = {}): WantedCandidate {
      const model = change.model ?? digestOf(`model ${member}`)
      const scorer = change.scorer ?? { name: 'judge', version: '1' }
      const split = change.split ?? 'selection'
      const soup = { members: [member], weights: [1], rules: [] }
      return { key: outsideKey(model, scorer, split), model, soup, split, scorer, isRequired: true, ...change }
    },
  }
}
