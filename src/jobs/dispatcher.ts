/**
 * Reason why a job's AbortSignal fired. `cancelled`: a client cancelled the job; `shutdown`: the server stops, and the job runs again
 * later.
 */
export type AbortReason = 'cancelled' | 'shutdown'

/** Runs jobs. The catalog holds all jobs, so a job that a dispatcher loses runs after the next start. */
export type Dispatcher = {
  /**
   * Adds a job to a lane, unless the dispatcher has it. Jobs wait only for jobs of the same lane, and for jobs that run alone.
   * @param alone true if no other job may run at the same time. Jobs that were added later wait for it
   */
  enqueue(id: string, lane: string, alone?: boolean): void
  /** Returns the ids of the running jobs. */
  running(): string[]
  /** Lets other jobs run beside a job that runs alone. */
  accompany(id: string): void
  /** Fires the signal of a running job. A waiting one leaves the queue, so that nothing waits for it any more. */
  cancel(id: string): void
  /** Stops every job, and waits until all have ended. It starts no further job. */
  close(): Promise<void>
}

type Entry = { id: string; lane: string; alone: boolean; controller: AbortController }

/**
 * Returns a queue inside this process, for a server that holds its data directory alone.
 * @param run runs one job; it must not throw
 * @param concurrency most jobs of one lane at a time
 */
export function embeddedDispatcher(
  run: (id: string, signal: AbortSignal) => Promise<void>,
  concurrency: number,
): Dispatcher {
  const waiting = new Map<string, Entry>()
  const running = new Map<string, Entry>()
  const unfinished = new Set<Promise<void>>()
  let closed = false

  const mayStart = ({ lane, alone }: Entry) => {
    if (alone) return running.size === 0
    const others = [...running.values()]
    return !others.some(each => each.alone) && others.filter(each => each.lane === lane).length < concurrency
  }
  const startNext = () => {
    for (const entry of waiting.values()) {
      if (closed) return
      if (mayStart(entry)) start(entry)
      if (entry.alone) return
    }
  }
  const start = (entry: Entry) => {
    const { id, controller } = entry
    waiting.delete(id)
    running.set(id, entry)
    const done = run(id, controller.signal).finally(() => {
      running.delete(id)
      unfinished.delete(done)
      startNext()
    })
    unfinished.add(done)
  }

  return {
    enqueue(id, lane, alone = false) {
      if (running.has(id) || waiting.has(id)) return
      waiting.set(id, { id, lane, alone, controller: new AbortController() })
      startNext()
    },
    running: () => [...running.keys()],
    accompany(id) {
      const entry = running.get(id)
      if (!entry?.alone) return
      entry.alone = false
      startNext()
    },
    cancel(id) {
      running.get(id)?.controller.abort('cancelled' satisfies AbortReason)
      if (waiting.delete(id)) startNext()
    },
    async close() {
      closed = true
      for (const { controller } of running.values()) controller.abort('shutdown' satisfies AbortReason)
      await Promise.all(unfinished)
    },
  }
}
