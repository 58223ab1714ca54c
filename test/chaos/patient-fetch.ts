import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../support/random.ts'

/** An answer with its whole body. */
export type Answer = { status: number; text: string; headers: Headers }

/** Milliseconds that one request has for its answer, and milliseconds after which a client gives up. */
const [requestMilliseconds, patience] = [60_000, 240_000]

const betweenTries = 200

/** Statuses that ask a client to come again later. */
const later = new Set([408, 429, 502, 503, 504])

/**
 * Returns a function that sends a request to one replica after the other, until one has answered it: a replica may be gone, or its
 * database or its S3 server. Requests that create something need an Idempotency-Key.
 * @param replicas the addresses of the replicas that are up
 * @param signal ends all requests
 */
export function patientFetch(replicas: () => string[], random: Random, signal: AbortSignal) {
  return async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const until = performance.now() + patience
    let last = 'no replica is up'
    while (performance.now() < until) {
      const [url] = random.shuffled(replicas())
      if (url !== undefined) {
        try {
          const response = await fetch(url + path, {
            ...init,
            signal: AbortSignal.any([signal, AbortSignal.timeout(requestMilliseconds)]),
          })
          const text = await response.text()
          const isBusy = response.status === 409 && text.includes('TUREEN_IDEMPOTENCY_KEY_BUSY')
          if (!later.has(response.status) && !isBusy)
            return { status: response.status, text, headers: response.headers }
          last = `${response.status} ${text}`
        } catch (error) {
          last = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error)
        }
      }
      await delay(betweenTries, undefined, { signal })
    }
    throw new Error(`${init.method ?? 'GET'} ${path} got no answer in ${patience / 1000} s: ${last}`)
  }
}

export type PatientFetch = ReturnType<typeof patientFetch>
