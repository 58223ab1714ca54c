import { setImmediate } from 'node:timers/promises'

/** Watches work of this process, to see when nothing of it can go on any more. */
export type QuietWatch = {
  /** Number of works that have not ended. */
  readonly running: number
  /** Watches work until it ends. @returns its promise */
  track<Value>(work: Promise<Value>): Promise<Value>
  /** Looks again soon, because something has changed that is no work. */
  look(): void
}

/**
 * @param onQuiet called when no work runs, and still none once the event loop has turned twice: what follows from the end of the last one has
 * begun by then
 */
export function watchQuiet(onQuiet: () => void): QuietWatch {
  let running = 0
  let changes = 0
  const look = async () => {
    changes += 1
    const seen = changes
    if (running > 0) return
    await setImmediate()
    await setImmediate()
    if (changes === seen) onQuiet()
  }
  return {
    get running() {
      return running
    },
    track(work) {
      running += 1
      changes += 1
      const ended = () => {
        running -= 1
        void look()
      }
      work.then(ended, ended)
      return work
    },
    look: () => void look(),
  }
}
