import type { EventEmitter } from 'node:events'

/** Follows the changes of one job. */
export type FollowedChanges = {
  /** Resolves at a change since the last call, after `milliseconds`, or when the signal fires. */
  next(milliseconds: number): Promise<void>
  /** Stops to follow the job. */
  close(): void
}

/**
 * Follows the changes of one job. A change while the caller reads the job is not missed: the next call resolves at once. Thousands of clients
 * may wait for a job and vanish together, so a wait has neither signals nor errors of its own.
 * @param changes emits the id of a job at each change
 */
export function followChanges(changes: EventEmitter, id: string, signal: AbortSignal): FollowedChanges {
  let hasChanged = false
  let wake = () => {}
  const onChange = () => {
    hasChanged = true
    wake()
  }
  changes.on(id, onChange)
  signal.addEventListener('abort', onChange)
  return {
    async next(milliseconds) {
      if (!hasChanged && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        const timer = setTimeout(resolve, milliseconds)
        await promise
        clearTimeout(timer)
      }
      hasChanged = false
    },
    close() {
      changes.off(id, onChange)
      signal.removeEventListener('abort', onChange)
    },
  }
}
