import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Election } from '../election.ts'
import { notWaiting } from '../patience.ts'
import type { ServerHolds } from './server-holds.ts'

/** Milliseconds between two tries to be elected. */
const betweenTries = 10_000

/**
 * Takes part in the election of the sweeper among the servers of a store. The elected one stays it until it closes, or has been silent for 30
 * seconds.
 * @param onChange called when this server becomes the sweeper, and when it is it no longer
 */
export function electSweeper(
  holds: Pick<ServerHolds, 'takeAlone' | 'has' | 'isHeard'>,
  { log, onChange, every = betweenTries }: { log: Logger; onChange(isSweeper: boolean): void; every?: number },
): Election {
  const closing = new AbortController()
  /** The id of the hold; undefined while another server is the sweeper. */
  let held: string | undefined
  /** Tells those that wait for the election. */
  let elected = Promise.withResolvers<void>()

  const look = async () => {
    const had = held
    if (held !== undefined && !(await holds.has(held))) held = undefined
    held ??= await holds.takeAlone('duty', 'sweep')
    if ((had === undefined) === (held === undefined)) return
    onChange(held !== undefined)
    if (held === undefined) elected = Promise.withResolvers<void>()
    else elected.resolve()
    log.info(held === undefined ? 'another server is the sweeper now' : 'this server is the sweeper of the store now')
  }
  const looking = notWaiting(async () => {
    while (!closing.signal.aborted) {
      // Requests log why the database does not answer.
      await look().catch(() => undefined)
      await delay(every, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
  })

  return {
    isElected: () => held !== undefined && holds.isHeard(),
    async untilElected(signal) {
      if (signal.aborted) return
      const aborted = Promise.withResolvers<void>()
      const abort = () => aborted.resolve()
      signal.addEventListener('abort', abort)
      await Promise.race([elected.promise, aborted.promise])
      signal.removeEventListener('abort', abort)
    },
    async close() {
      closing.abort()
      await looking
    },
  }
}
