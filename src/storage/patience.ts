import { AsyncLocalStorage } from 'node:async_hooks'

const patience = new AsyncLocalStorage<AbortSignal | undefined>()

/**
 * Runs work that waits while the database of the catalog does not answer, where a request would be refused.
 * @param signal ends the waiting
 */
export function waitingForDatabase<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  return patience.run(signal, work)
}

/** Runs work that is not worth waiting for, although the work around it waits. */
export function notWaiting<Result>(work: () => Promise<Result>): Promise<Result> {
  return patience.run(undefined, work)
}

/** Returns the signal that ends the waiting of the running work; undefined if it must not wait. */
export function patienceHere(): AbortSignal | undefined {
  const signal = patience.getStore()
  return signal?.aborted ? undefined : signal
}
