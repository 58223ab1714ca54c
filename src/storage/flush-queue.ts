/** Flushes files to the disk while the server receives more files. */
export type FlushQueue = {
  /** Starts a flush as soon as fewer than four are running. */
  add(flush: () => Promise<void>): Promise<void>
  /** Waits until all flushes have ended. @throws Error of the first failed one */
  end(): Promise<void>
}

/** Most flushes at a time. File systems with a journal combine several flushes, so a few take little longer than one. */
const atOnce = 4

export function createFlushQueue(): FlushQueue {
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  return {
    async add(flush) {
      while (running.size >= atOnce) await Promise.race(running)
      const run = flush()
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => running.delete(run))
      running.add(run)
    },
    async end() {
      await Promise.all(running)
      if (failure) throw failure.error
    },
  }
}
