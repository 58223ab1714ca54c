import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/** How much the event loop, which has 0, goes before what computes. */
const niceness = 5

/**
 * Lets the event loop, and whatever else is not computing, have the processor first when there are too few: requests are answered
 * while merges and evaluations take what is left. Where the system has no such thing all stays as it is.
 *
 * @param child a process that has just been started, whose threads will all have its priority; the calling thread if left out
 */
export function standBack(child?: number): void {
  try {
    // Linux has a priority for every thread, under the thread's own number; others would set that of the process.
    const target = child ?? Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    if (Number.isInteger(target) && target !== process.pid) setPriority(target, niceness)
  } catch {}
}
