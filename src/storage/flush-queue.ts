/** Flushes of files to the disk that go on while more files are received. */
export type FlushQueue = {
  /** Starts a flush, as soon as less than the maximum are under way. */
  add(flush: () => Promise<void>): Promise<void>
  /** Waits until all flushes have ended. @throws Error that the first failed one ended with */
  end(): Promise<void>
}

/** File systems with a journal write several flushes at once, so that few side by side take little longer than one. */
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
