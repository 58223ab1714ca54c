import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/** How much the event loop, which has 0, goes before threads that compute. */
const niceness = 5

/**
 * Lets the event loop, and whatever else is not computing, have the processor first when there are too few: requests are answered
 * while merges take what is left. Where the system has no such thing the thread stays as it is.
 */
export function standBack(): void {
  try {
    // Linux has a priority for every thread, under the thread's own number; others would set that of the process.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    if (Number.isInteger(thread) && thread !== process.pid) setPriority(thread, niceness)
  } catch {}
}
