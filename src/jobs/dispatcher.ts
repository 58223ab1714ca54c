import type { AbortReason } from './job-queue.ts'

/** A job to run. `alone`: true if no other job may run at the same time. Jobs behind it wait for it. */
export type DispatchedJob = { id: string; lane: string; alone: boolean }

/** Decides when each job starts in this process. The catalog holds all jobs, so a job that a dispatcher loses runs after the next start. */
export type Dispatcher = {
  /**
   * Starts to run jobs: first those of an earlier process, then those that came before this call. A job that came first could otherwise
   * run beside one that must run alone.
   */
  open(earlier: readonly DispatchedJob[]): void
  /**
   * Adds a job to its lane, unless it waits there already. A job that runs starts again after its run. Jobs wait only for jobs of the same lane,
   * and for jobs that run alone.
   */
  enqueue(job: DispatchedJob): void
  /** Starts a running job again after its run, beside others. */
  again(id: string): void
  /** Lets other jobs run beside a job that runs alone. */
  accompany(id: string): void
  /**
   * Fires the signal of a running job. A waiting one leaves the queue, so that nothing waits for it any more.
   * @returns false if the job was not running
   */
  stop(id: string, reason: AbortReason): boolean
  /** Stops every job, and waits until all have ended. It starts no further job. */
  close(): Promise<void>
}

type Entry = DispatchedJob & { controller: AbortController }

/**
 * Returns a dispatcher without jobs. It runs nothing before it is opened.
 * @param run runs one job; it must not throw
 * @param concurrency most jobs of one lane at a time
 */
export function createDispatcher(
  run: (id: string, signal: AbortSignal) => Promise<void>,
  concurrency: number,
): Dispatcher {
  let waiting = new Map<string, Entry>()
  const running = new Map<string, Entry>()
  /** Running jobs that start again after their runs. */
  const again = new Map<string, Entry>()
  const unfinished = new Set<Promise<void>>()
  let state: 'new' | 'open' | 'closed' = 'new'

  const entryOf = (job: DispatchedJob): Entry => ({ ...job, controller: new AbortController() })
  const mayStart = ({ lane, alone }: Entry) => {
    if (alone) return running.size === 0
    const others = [...running.values()]
    return !others.some(each => each.alone) && others.filter(each => each.lane === lane).length < concurrency
  }
  const startNext = () => {
    for (const entry of waiting.values()) {
      if (state !== 'open') return
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
      const next = again.get(id)
      if (next && again.delete(id)) waiting.set(id, next)
      startNext()
    })
    unfinished.add(done)
  }

  return {
    open(earlier) {
      if (state !== 'new') return
      state = 'open'
      waiting = new Map([...earlier.map(job => [job.id, entryOf(job)] as const), ...waiting])
      startNext()
    },
    enqueue(job) {
      if (running.has(job.id)) again.set(job.id, entryOf(job))
      else if (!waiting.has(job.id)) {
        waiting.set(job.id, entryOf(job))
        startNext()
      }
    },
    again(id) {
      const entry = running.get(id)
      if (entry) again.set(id, entryOf({ id, lane: entry.lane, alone: false }))
    },
    accompany(id) {
      const entry = running.get(id)
      if (!entry?.alone) return
      entry.alone = false
      startNext()
    },
    stop(id, reason) {
      running.get(id)?.controller.abort(reason)
      again.delete(id)
      if (waiting.delete(id)) startNext()
      return running.has(id)
    },
    async close() {
      state = 'closed'
      for (const { controller } of running.values()) controller.abort('shutdown' satisfies AbortReason)
      await Promise.all(unfinished)
    },
  }
}
