import pLimit from 'p-limit'

/** Why a job's AbortSignal fired: cancelled for good, or stopped with the server, to be taken up again. */
export type AbortReason = 'cancelled' | 'shutdown'

/** Who runs jobs. The catalog says which there are; a dispatcher that forgets one is reminded at the next start. */
export type Dispatcher = {
  /** Jobs of one lane wait for each other; those of another lane do not wait for them. */
  enqueue(id: string, lane: string): void
  /** Fires the signal of a job that is running. */
  cancel(id: string): void
  /** Stops every job and waits until all have let go. Nothing is started any more. */
  close(): Promise<void>
}

/**
 * A queue inside this process, for a server that owns its data directory alone. `run` must not throw.
 * @param concurrency jobs of one lane that run at a time
 */
export function embeddedDispatcher(
  run: (id: string, signal: AbortSignal) => Promise<void>,
  concurrency: number,
): Dispatcher {
  const lanes = new Map<string, ReturnType<typeof pLimit>>()
  const running = new Map<string, AbortController>()
  const unfinished = new Set<Promise<void>>()
  let closed = false

  const start = async (id: string) => {
    if (closed) return
    const controller = new AbortController()
    running.set(id, controller)
    try {
      await run(id, controller.signal)
    } finally {
      running.delete(id)
    }
  }

  return {
    enqueue(id, lane) {
      const limit = lanes.get(lane) ?? pLimit(concurrency)
      lanes.set(lane, limit)
      const done = limit(start, id).finally(() => unfinished.delete(done))
      unfinished.add(done)
    },
    cancel: id => running.get(id)?.abort('cancelled' satisfies AbortReason),
    async close() {
      closed = true
      for (const controller of running.values()) controller.abort('shutdown' satisfies AbortReason)
      await Promise.all(unfinished)
    },
  }
}
