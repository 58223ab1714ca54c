import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Catalog } from '../../storage/database.ts'
import type { Notifications } from '../../storage/postgres/notifications.ts'
import { embeddedEvents } from '../embedded-events.ts'
import { lastChanges } from '../job-event-rows.ts'
import type { JobEvents } from '../job-events.ts'

const channel = 'tureen_jobs'

/**
 * Milliseconds between two looks at the rows of all followed jobs. Notifications make them unnecessary, except for a process that died
 * between a commit and its news.
 */
const lookMilliseconds = 5_000

/** Milliseconds until a look that failed is tried again. */
const retryMilliseconds = 1_000

/** Everything that the news of several processes use. `closing`: fires when the server closes; from then on it only tells news. */
export type SharedEventServices = {
  catalog: Catalog
  notifications: Pick<Notifications, 'listen' | 'tell'>
  closing: AbortSignal
  log: Logger
}

/** Returns the news of jobs of all servers that share a catalog in PostgreSQL. */
export function sharedEvents({ catalog, notifications, closing, log }: SharedEventServices): JobEvents {
  const here = embeddedEvents()
  const thisProcess = randomUUID()
  /** Number of followers of each followed job. */
  const followers = new Map<string, number>()
  /** The last change of each job that the newest look has seen. */
  let seen = new Map<string, string | undefined>()

  /** Wakes the followers of jobs that have changed since the newest look, or that it did not see. One query serves thousands of jobs. */
  const look = async () => {
    const ids = [...followers.keys()]
    const changes = await lastChanges(catalog, ids)
    const before = seen
    seen = new Map(ids.map(id => [id, changes.get(id)]))
    for (const id of ids) if (!before.has(id) || before.get(id) !== seen.get(id)) here.changed(id)
  }
  let isWanted = false
  let isLooking = false
  /** Looks soon, and again if it is called meanwhile. Many gaps so cost one look. */
  const lookSoon = async () => {
    isWanted = true
    if (isLooking) return
    isLooking = true
    for (let failures = 0; isWanted && !closing.aborted; ) {
      isWanted = false
      try {
        await look()
        failures = 0
      } catch (error) {
        isWanted = true
        failures += 1
        if (failures === 1)
          log.warn({ err: error }, 'the server cannot look for changes of followed jobs; it tries again')
        await delay(retryMilliseconds, undefined, { signal: closing, ref: false }).catch(() => undefined)
      }
    }
    isLooking = false
  }

  const stop = notifications.listen(
    channel,
    text => {
      const [teller, id] = text.split(' ')
      if (id !== undefined && teller !== thisProcess) here.changed(id)
    },
    lookSoon,
  )
  const looking = setInterval(lookSoon, lookMilliseconds).unref()
  closing.addEventListener('abort', () => {
    stop()
    clearInterval(looking)
  })

  return {
    changed(id) {
      here.changed(id)
      void notifications.tell(catalog, channel, `${thisProcess} ${id}`)
    },
    follow(id, signal) {
      followers.set(id, (followers.get(id) ?? 0) + 1)
      const { next, close } = here.follow(id, signal)
      return {
        next,
        close() {
          close()
          const left = (followers.get(id) ?? 0) - 1
          if (left > 0) followers.set(id, left)
          else followers.delete(id)
        },
      }
    },
  }
}
