import type { Catalog } from '../storage/database.ts'
import { hasEnded } from './end-job.ts'
import { eventsAfter, type JobEvent } from './job-event-rows.ts'
import type { JobEvents } from './job-events.ts'
import type { JobQueries } from './job-queries.ts'
import { sharedReads } from './shared-reads.ts'

const signOfLifeMilliseconds = 15_000

/**
 * Yields the events of a job after number `after` as they occur, until the job has ended or the signal fires. It yields null first, and
 * whenever nothing has come for 15 seconds, to keep the connection alive. It yields nothing if no event can follow.
 */
export type EventStream = (id: string, after: number, signal: AbortSignal) => AsyncGenerator<JobEvent | null>

/** Returns the streams of jobs' events. @param closing fires when the server closes, which ends all streams */
export function createEventStream(
  catalog: Catalog,
  events: JobEvents,
  { get }: Pick<JobQueries, 'get'>,
  closing: AbortSignal,
): EventStream {
  const readAfter = sharedReads((id: string, sequence: number) => eventsAfter(catalog, id, sequence))
  return async function* (id, after, requestSignal) {
    const signal = AbortSignal.any([requestSignal, closing])
    const followed = events.follow(id, signal)
    let last = after
    let spokeAt = performance.now()
    try {
      for (let started = false; !signal.aborted; started = true) {
        let found = await readAfter(id, last)
        if (found.length === 0 && hasEnded((await get(id)).job.status)) {
          // The last event is inserted together with the final status, and may have come since the first read.
          found = await readAfter(id, last)
          if (found.length === 0) return
        }
        const isSilent = found.length === 0 && performance.now() - spokeAt >= signOfLifeMilliseconds
        if (isSilent || !started) {
          yield null
          spokeAt = performance.now()
        }
        for (const event of found) {
          last = event.sequence
          yield event
          if (event.type === 'done') return
        }
        if (found.length > 0) spokeAt = performance.now()
        else await followed.next(signOfLifeMilliseconds - (performance.now() - spokeAt))
      }
    } finally {
      followed.close()
    }
  }
}
