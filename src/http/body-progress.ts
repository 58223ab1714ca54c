import type { IncomingMessage } from 'node:http'
import { type Place, TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'
import { createProgressWatch, type ProgressLimits } from './progress-watch.ts'

/** A watched request body. Its signal fires, with a TureenError `TUREEN_REQUEST_TIMEOUT`, when the client is too slow. */
export type ReceivedBody = { signal: AbortSignal; stop(): void }

/** Watches the bodies of requests while they are read. */
export type BodyProgress = {
  /**
   * Watches a body until `stop` is called.
   * @param totalMilliseconds the most milliseconds of the whole body; undefined: no limit above the least rate
   */
  watch(request: IncomingMessage, totalMilliseconds?: number): ReceivedBody
  close(): void
}

/** Returns a watch that gives up bodies that stand still, or that arrive below the least rate while the server waits for them. */
export function createBodyProgress(limits: ProgressLimits): BodyProgress {
  const progress = createProgressWatch(limits, { perWindow: 30 })
  return {
    watch(request, totalMilliseconds) {
      const { socket } = request
      const slow = new AbortController()
      const unwatch = progress.watch({
        bytes: () => socket.bytesRead,
        isWaiting: () => isWaitedFor(request),
        onSlow: rate => slow.abort(rate === undefined ? stoodStill(limits) : tooSlow(rate, limits)),
      })
      const timer =
        totalMilliseconds === undefined
          ? undefined
          : setTimeout(() => slow.abort(tookTooLong(totalMilliseconds)), totalMilliseconds)
      return {
        signal: slow.signal,
        stop() {
          unwatch()
          clearTimeout(timer)
        },
      }
    },
    close: progress.close,
  }
}

/** True if the server waits for the client: the body is incomplete, and the reader has read all arrived bytes and wants more. */
function isWaitedFor(request: IncomingMessage): boolean {
  const { complete, readableLength, readableFlowing } = request
  return !complete && readableLength === 0 && (readableFlowing === true || request.listenerCount('readable') > 0)
}

function stoodStill({ idleMilliseconds }: ProgressLimits): TureenError {
  const limit = inSeconds(idleMilliseconds)
  const message = `no byte of the body came for ${limit} (TUREEN_BODY_IDLE_SECONDS)`
  const place = { field: 'TUREEN_BODY_IDLE_SECONDS', expected: `${limit} at most between bytes` }
  return refusal(place, message, 'Send the request again without such pauses')
}

function tooSlow(bytesPerSecond: number, limits: ProgressLimits): TureenError {
  const found = bytesPerSecond.toLocaleString('en')
  const expected = limits.bytesPerSecond.toLocaleString('en')
  const message = `the body came at ${found} bytes a second over ${inSeconds(limits.windowMilliseconds)}; at least ${expected} are expected (TUREEN_MIN_RATE)`
  const place = {
    field: 'TUREEN_MIN_RATE',
    expected: `${limits.bytesPerSecond} bytes a second`,
    actual: `${bytesPerSecond} bytes a second`,
  }
  return refusal(place, message, 'Send it over a faster connection')
}

function tookTooLong(milliseconds: number): TureenError {
  const limit = inSeconds(milliseconds)
  const message = `the body was not complete after ${limit} (TUREEN_BODY_SECONDS)`
  return refusal(
    { field: 'TUREEN_BODY_SECONDS', expected: `complete after ${limit}` },
    message,
    'Send all of it at once',
  )
}

/** @param place the setting that bounds the body, and its value */
function refusal(place: Place & { field: string }, message: string, advice: string): TureenError {
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`
  return new TureenError('TUREEN_REQUEST_TIMEOUT', `${sentence}. Nothing was kept. ${advice}.`, [{ ...place, message }])
}
