import type { JobItem, JobProgress } from '../schemas/job.ts'
import { reasonOf, TureenConnectionError } from './connection-error.ts'
import type { Exchange } from './exchange.ts'
import { TureenProblem } from './problem.ts'
import { pause, retryDefaults } from './retries.ts'
import { eventParser } from './server-sent-events.ts'
import type { RequestOptions } from './settings.ts'
import { soon } from './soon.ts'

/** An event of a job. `id`: for `lastEventId` of a later call; `other`: an event of a newer server. */
export type JobStreamEvent =
  | { id: string; type: 'progress'; progress: JobProgress }
  | { id: string; type: 'log'; message: string }
  | { id: string; type: 'done'; job: JobItem }
  | { id: string; type: 'other'; event: string; data: string }

/** Options of an event stream. */
export type EventOptions = RequestOptions & {
  /** The id of the last event that was seen: the stream goes on after it. */
  lastEventId?: string
}

/**
 * Yields the events of a job until it ends. The last one is `done`, unless the job has ended before and `lastEventId` names that event. A
 * connection that breaks is opened again where it was.
 */
export async function* jobEvents(
  exchange: Exchange,
  id: string,
  options: EventOptions = {},
): AsyncGenerator<JobStreamEvent> {
  const { retries, minSeconds, maxSeconds } = { ...retryDefaults, ...exchange.settings.retry }
  let { lastEventId } = options
  for (let failures = 0; ; failures += 1) {
    if (failures > 0)
      await pause(Math.min(minSeconds * 2 ** (failures - 1) * (1 + Math.random()), maxSeconds), options.signal)
    try {
      for await (const event of connectedEvents(exchange, id, lastEventId, options)) {
        lastEventId = event.id
        failures = 0
        yield event
        if (event.type === 'done') return
      }
      return
    } catch (error) {
      options.signal?.throwIfAborted()
      if (error instanceof TureenProblem || failures >= retries) throw error
    }
  }
}

/** Yields the events of one connection. It ends without an error if no further event will follow. */
async function* connectedEvents(
  exchange: Exchange,
  id: string,
  lastEventId: string | undefined,
  options: RequestOptions,
): AsyncGenerator<JobStreamEvent> {
  const headers = {
    accept: 'text/event-stream',
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  }
  const response = await exchange.send('getJobEvents', { id }, { headers, options }, async response => response)
  if (response.status === 204) return
  const type = response.headers.get('content-type') ?? ''
  if (!response.body || !type.startsWith('text/event-stream'))
    throw new TureenConnectionError(`The events of job ${id} came as "${type}", and should be text/event-stream.`)
  const parse = eventParser()
  const reader = response.body.getReader()
  try {
    for (;;) {
      const piece = await soon(reader.read(), exchange.silenceSeconds, options.signal)
      if (!piece?.value) throw new TureenConnectionError(`The event stream of job ${id} ended before the job.`)
      for (const { id, event, data } of parse(piece.value)) yield jobEvent(id, event, data)
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof TureenConnectionError) throw error
    throw new TureenConnectionError(`The event stream of job ${id} broke: ${reasonOf(error)}`, { cause: error })
  } finally {
    // The broken connection itself may reject this.
    reader.cancel().catch(() => undefined)
  }
}

function jobEvent(id: string, event: string, data: string): JobStreamEvent {
  if (event === 'progress') {
    const progress: JobProgress = JSON.parse(data)
    return { id, type: event, progress }
  }
  if (event === 'log') {
    const { message }: { message: string } = JSON.parse(data)
    return { id, type: event, message }
  }
  if (event !== 'done') return { id, type: 'other', event, data }
  const job: JobItem = JSON.parse(data)
  return { id, type: event, job }
}
