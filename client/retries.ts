import pRetry from 'p-retry'
import { TureenConnectionError } from './connection-error.ts'
import { TureenProblem } from './problem.ts'

/** When a client repeats requests. It repeats those alone that have no other effect when they arrive twice. */
export type RetrySettings = {
  /** Most repeats of a request; 0: none. The default is 4. */
  retries?: number
  /** Seconds before the first repeat, doubled with each one, times a random number from 1 to 2. The default is 0.5. */
  minSeconds?: number
  /** Most seconds between two repeats, unless the server asks for more with Retry-After. The default is 15. */
  maxSeconds?: number
  /** Most seconds of Retry-After that the client waits; an answer that asks for more is an error at once. The default is 120. */
  maxRetryAfter?: number
}

export const retryDefaults = { retries: 4, minSeconds: 0.5, maxSeconds: 15, maxRetryAfter: 120 }

/** Statuses that proxies give while the server behind them does not answer. */
const passingStatuses = [429, 502, 503, 504]

/** When a request may be repeated. `refused`: only after a status that means that the server has not begun with it. */
export type Repeatable = 'always' | 'refused' | 'never'

/** Runs `attempt` until it succeeds, fails for good, or has used up its repeats. Rejects with the last error. */
export function withRetries<Answer>(
  attempt: () => Promise<Answer>,
  repeatable: Repeatable,
  settings: RetrySettings,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const { retries, minSeconds, maxSeconds, maxRetryAfter } = { ...retryDefaults, ...settings }
  return pRetry(attempt, {
    retries: repeatable === 'never' ? 0 : retries,
    minTimeout: minSeconds * 1000,
    maxTimeout: maxSeconds * 1000,
    randomize: true,
    ...(signal ? { signal } : {}),
    shouldRetry: async ({ error }) => {
      if (!comesBack(error, repeatable)) return false
      const seconds = error instanceof TureenProblem ? (error.retryAfter ?? 0) : 0
      if (seconds > maxRetryAfter) return false
      await pause(seconds, signal)
      return true
    },
  })
}

/** True if the same request may succeed a little later. */
export function comesBack(error: unknown, repeatable: Repeatable = 'always'): boolean {
  if (error instanceof TureenProblem) {
    const isRefused = error.status === 429 || error.status === 503
    return isRefused || (repeatable === 'always' && error.retryAfter !== undefined)
  }
  if (!(error instanceof TureenConnectionError) || repeatable !== 'always') return false
  return error.status === undefined || passingStatuses.includes(error.status)
}

/** Waits. Rejects with the reason of the signal if that aborts. */
export function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  if (seconds <= 0) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Returns the seconds of the header Retry-After, which may also be a date. */
export function retryAfterOf(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000
  return Number.isFinite(seconds) ? Math.max(seconds, 0) : undefined
}
