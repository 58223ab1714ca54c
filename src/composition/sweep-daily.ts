import { setTimeout as delay } from 'node:timers/promises'
import type { Election } from '../storage/election.ts'

const [minuteMilliseconds, dayMilliseconds] = [60_000, 86_400_000]

/** Milliseconds until what a dead server held is free: its silence of two minutes, and some more. */
const heldMilliseconds = 150_000

/** Waits, or until `signal` fires. */
type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>

const pauseOfTimer: Pause = (milliseconds, signal) =>
  delay(milliseconds, undefined, { signal, ref: false }).catch(() => undefined)

/**
 * Sweeps a shared store once a day while this server is its sweeper, and tries a failed sweep again after a minute. The first sweep is
 * repeated soon: servers that died just before it still held what they left.
 *
 * @param sweep returns false if it failed; it must not throw
 * @param closing fires when the server stops
 */
export async function sweepDaily(
  { untilElected }: Pick<Election, 'untilElected'>,
  sweep: () => Promise<boolean>,
  closing: AbortSignal,
  pause: Pause = pauseOfTimer,
): Promise<void> {
  let next = heldMilliseconds
  while (!closing.aborted) {
    await untilElected(closing)
    if (closing.aborted) return
    if (await sweep()) {
      await pause(next, closing)
      next = dayMilliseconds
    } else await pause(minuteMilliseconds, closing)
  }
}
