import type { EventEmitter } from 'node:events'
import { followChanges } from './follow-changes.ts'
import type { JobEvent } from './job-records.ts'

const signOfLifeMilliseconds = 15_000

/** Everything that a stream of events reads. `changes`: emits the id of a job at each change. */
type EventSource = {
  changes: EventEmitter
  eventsAfter(id: string, sequence: number): Promise<JobEvent[]>
  hasEnded(id: string): Promise<boolean>
}

/**
 * Yields the events of a job after number `after` as they occur, until the job has ended or the signal fires. It yields null first, and
 * whenever nothing has come for 15 seconds, to keep the connection alive. It yields nothing if no event can follow.
 */
export async function* eventStream(
  { changes, eventsAfter, hasEnded }: EventSource,
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<JobEvent | null> {
  const followed = followChanges(changes, id, signal)
  let last = after
  let spokeAt = performance.now()
  try {
    for (let started = false; !signal.aborted; started = true) {
      let events = await eventsAfter(id, last)
      if (events.length === 0 && (await hasEnded(id))) {
        // The last event is inserted together with the final status, and may have come since the first read.
        events = await eventsAfter(id, last)
        if (events.length === 0) return
      }
      const isSilent = events.length === 0 && performance.now() - spokeAt >= signOfLifeMilliseconds
      if (isSilent || !started) {
        yield null
        spokeAt = performance.now()
      }
      for (const event of events) {
        last = event.sequence
        yield event
        if (event.type === 'done') return
      }
      if (events.length > 0) spokeAt = performance.now()
      else await followed.next(signOfLifeMilliseconds - (performance.now() - spokeAt))
    }
  } finally {
    followed.close()
  }
}
