import { setImmediate } from 'node:timers/promises'
import pLimit from 'p-limit'

const oneAtATime = pLimit(1)

/**
 * Waits for a turn of the event loop that no other caller of this function has. Callers get their turns in the order of their calls.
 * Work that takes milliseconds waits for its own turn: otherwise many simultaneous requests would block the loop for the sum of their
 * times.
 */
export function ownTurn(): Promise<void> {
  return oneAtATime(() => setImmediate())
}
