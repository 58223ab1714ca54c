import type { JobItem, JobProgress, JobRecord } from '../schemas/job.ts'
import { TureenConnectionError } from './connection-error.ts'
import { type Exchange, readJson } from './exchange.ts'
import { type JobStreamEvent, jobEvents } from './job-events.ts'
import { TureenProblem } from './problem.ts'
import { comesBack, pause } from './retries.ts'
import type { RequestOptions } from './settings.ts'

/** Options of {@link waitForJob}. */
export type WaitOptions = RequestOptions & {
  onProgress?: (progress: JobProgress) => void
  /** Called with every event. Without an event stream there is none. */
  onEvent?: (event: JobStreamEvent) => void
  /** `events` follows the event stream, and polls if that fails; `polls` asks for the job again and again. The default is `events`. */
  by?: 'events' | 'polls'
  /** Seconds for which the wait goes on although the server does not answer. The default is 300. */
  reconnectSeconds?: number
}

/** Seconds for which a poll lets the server hold the answer back. Some proxies cut requests off after 30 seconds. */
const pollSeconds = 25

/**
 * Resolves with a job that has ended, whether it succeeded, failed or was cancelled. `resultOf` takes its result.
 * @throws TureenProblem, TureenConnectionError, or the reason of the signal, which ends the wait and not the job
 */
export async function waitForJob(exchange: Exchange, id: string, options: WaitOptions = {}): Promise<JobRecord> {
  const { signal, onAnswer, headers = {} } = options
  const request: RequestOptions = { signal, headers, ...(onAnswer ? { onAnswer } : {}) }
  const done = options.by === 'polls' ? undefined : await followed(exchange, id, request, options)
  return readable(done ?? (await polled(exchange, id, request, options)))
}

/** Follows the events to the end of the job. Resolves with undefined if they cannot be followed so far. */
async function followed(
  exchange: Exchange,
  id: string,
  request: RequestOptions,
  { onProgress, onEvent }: WaitOptions,
): Promise<JobItem | undefined> {
  try {
    for await (const event of jobEvents(exchange, id, request)) {
      onEvent?.(event)
      if (event.type === 'progress') onProgress?.(event.progress)
      if (event.type === 'done') return event.job
    }
  } catch (error) {
    request.signal?.throwIfAborted()
    if (!(error instanceof TureenConnectionError) && !comesBack(error)) throw error
  }
  return undefined
}

async function polled(
  exchange: Exchange,
  id: string,
  request: RequestOptions,
  { onProgress, reconnectSeconds = 300 }: WaitOptions,
): Promise<JobItem> {
  let heard = performance.now()
  for (let wait = 0; ; wait = pollSeconds) {
    try {
      const job = await exchange.send('getJob', { id }, { query: { wait }, options: request }, readJson<JobItem>)
      heard = performance.now()
      if (hasEnded(job)) return job
      if (job.progress) onProgress?.(job.progress)
    } catch (error) {
      request.signal?.throwIfAborted()
      if (!comesBack(error) || performance.now() - heard > reconnectSeconds * 1000) throw error
      await pause(Math.random() * 5, request.signal)
    }
  }
}

function hasEnded({ status }: JobItem): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled'
}

function readable(job: JobItem): JobRecord {
  if (!('unreadable' in job)) return job
  if (job.error) throw new TureenProblem(job.error)
  throw new Error(`The record of job ${job.id} cannot be read: ${job.unreadable}`)
}

/**
 * Returns the result of a job that has succeeded.
 * @throws TureenProblem the reason why the job failed or was cancelled
 */
export function resultOf<Result>(
  job: Pick<JobRecord, 'id' | 'status' | 'error'> & { result?: Result | undefined },
): Result {
  if (job.result !== undefined) return job.result
  if (job.error) throw new TureenProblem(job.error)
  throw new Error(`Job ${job.id} is ${job.status} and has no result yet. Wait for it first.`)
}
