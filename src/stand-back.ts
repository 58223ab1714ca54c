import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/** Nice value of computing threads and processes. The event loop has 0 and so goes first. */
const niceness = 5

/**
 * Lowers the priority of a computing thread or process. On a busy machine the event loop then still answers requests, and merges and
 * evaluations get the remaining processor time. It does nothing if the system does not support this.
 *
 * @param child id of a process that has just started, whose threads all get its priority; without it, the calling thread
 */
export function standBack(child?: number): void {
  try {
    // Linux sets the priority of one thread by its thread id. Other systems would set that of the whole process.
    const target = child ?? Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    if (Number.isInteger(target) && target !== process.pid) setPriority(target, niceness)
  } catch {}
}
