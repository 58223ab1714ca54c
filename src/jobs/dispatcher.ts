import pLimit from 'p-limit'

/**
 * Reason why a job's AbortSignal fired. `cancelled`: a client cancelled the job; `shutdown`: the server stops, and the job runs again
 * later.
 */
export type AbortReason = 'cancelled' | 'shutdown'

/** Runs jobs. The catalog holds all jobs, so a job that a dispatcher loses runs after the next start. */
export type Dispatcher = {
  /** Adds a job to a lane. Jobs wait only for jobs of the same lane. */
  enqueue(id: string, lane: string): void
  /** Fires the signal of a running job. */
  cancel(id: string): void
  /** Stops every job, and waits until all have ended. It starts no further job. */
  close(): Promise<void>
}

/**
 * Returns a queue inside this process, for a server that holds its data directory alone.
 * @param run runs one job; it must not throw
 * @param concurrency most jobs of one lane at a time
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
