import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import type { Piscina } from 'piscina'

/**
 * Runs work of a pool. If it fails because `signal` ended its thread, waits until the thread is gone. Piscina rejects a
 * task at once, but its thread runs on until it can be stopped, and may create a file until then.
 */
export async function untilThreadsEnd<Value>(
  pool: Pick<Piscina, 'threads'>,
  signal: AbortSignal | undefined,
  run: () => Promise<Value>,
): Promise<Value> {
  let before: readonly Worker[] = []
  // Added before the pool's own listener, so that it runs while the threads are still in the pool.
  const list = () => {
    before = pool.threads
  }
  signal?.addEventListener('abort', list)
  try {
    return await run()
  } catch (error) {
    const left = new Set(pool.threads)
    await threadsGone(before.filter(thread => !left.has(thread)))
    throw error
  } finally {
    signal?.removeEventListener('abort', list)
  }
}

/** Resolves when all of these threads have ended. */
async function threadsGone(threads: readonly Worker[]): Promise<void> {
  // A thread that has ended has the id -1.
  await Promise.all(threads.filter(({ threadId }) => threadId !== -1).map(thread => once(thread, 'exit')))
}
