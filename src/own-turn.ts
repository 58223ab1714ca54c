import { setImmediate } from 'node:timers/promises'
import pLimit from 'p-limit'

const oneAtATime = pLimit(1)

/**
 * Waits for a turn of the event loop that no other caller of this function has; first come, first served. Work that takes milliseconds
 * waits for it: many requests that ask for such work at once would otherwise hold the loop for the sum of their times.
 */
export function ownTurn(): Promise<void> {
  return oneAtATime(() => setImmediate())
}
