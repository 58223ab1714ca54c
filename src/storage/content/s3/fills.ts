import { unlessAborted } from '../../../unless-aborted.ts'

/** Runs one fill for each digest, however many callers wait for it. */
export type Fills = {
  /**
   * Waits for the fill of a digest, and starts it if none runs. The fill ends early when every caller has stopped waiting.
   * @throws the reason of `signal` as soon as it fires
   */
  wait(sha256: string, signal: AbortSignal): Promise<void>
}

/** @param fill makes content a local file; its signal fires when nobody waits for it any more */
export function createFills(fill: (sha256: string, signal: AbortSignal) => Promise<void>): Fills {
  const running = new Map<string, { done: Promise<void>; waiting: number; over: AbortController }>()
  const start = (sha256: string) => {
    const over = new AbortController()
    const done = fill(sha256, over.signal).finally(() => running.delete(sha256))
    // Nobody may wait any more when it fails.
    done.catch(() => undefined)
    const started = { done, waiting: 0, over }
    running.set(sha256, started)
    return started
  }
  return {
    async wait(sha256, signal) {
      signal.throwIfAborted()
      const known = running.get(sha256)
      const one = known && !known.over.signal.aborted ? known : start(sha256)
      one.waiting += 1
      try {
        await unlessAborted(signal, one.done)
      } finally {
        one.waiting -= 1
        if (one.waiting === 0) one.over.abort(new Error('nobody waits for this content'))
      }
    },
  }
}
