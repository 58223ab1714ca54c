import type { Readable } from 'node:stream'
import { TureenError } from '../errors.ts'
import type { WaitFor } from './body-flow.ts'

/** Returns the chunks of a stream, and throws where the request's body exceeds its bounds. `waitFor` runs each wait for bytes. */
export type Meter = (stream: Readable, waitFor?: WaitFor) => AsyncIterable<Uint8Array>

/**
 * Returns a meter for the streams of one request. It throws `TUREEN_TOO_LARGE` after more than `maximumBytes` of all streams together,
 * `TUREEN_BODY_MALFORMED` if a stream ends too early, and the reason of `signal` when that fires. It never destroys a stream, because the
 * answer needs its connection.
 */
export function byteMeter(maximumBytes: number, signal: AbortSignal): Meter {
  let bytes = 0
  return (stream, waitFor = arrival => arrival) => {
    // Listen at once, so that no event is lost before the first read.
    const arrivals = arrivalsOf(stream, signal)
    return (async function* chunks() {
      try {
        for (;;) {
          signal.throwIfAborted()
          const chunk: Uint8Array | null = stream.read()
          if (chunk) {
            bytes += chunk.byteLength
            if (bytes > maximumBytes) throw tooLarge(maximumBytes, bytes)
            yield chunk
          } else if (stream.readableEnded) return
          else if (stream.destroyed) throw cutOff()
          else await waitFor(arrivals.next())
        }
      } finally {
        arrivals.close()
      }
    })()
  }
}

type Arrivals = {
  /** Waits for bytes, for the end of the stream, or for the signal. */
  next(): Promise<void>
  close(): void
}

function arrivalsOf(stream: Readable, signal: AbortSignal): Arrivals {
  const events = ['readable', 'end', 'error', 'close']
  /** Resolves the promise of the waiting reader. */
  let wake: (() => void) | undefined
  let arrived = false
  const onArrival = () => {
    if (wake) wake()
    else arrived = true
    wake = undefined
  }
  for (const event of events) stream.on(event, onArrival)
  signal.addEventListener('abort', onArrival)
  return {
    async next() {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (arrived) resolve()
      else wake = resolve
      arrived = false
      await promise
    },
    close() {
      signal.removeEventListener('abort', onArrival)
      for (const event of events) if (event !== 'error') stream.off(event, onArrival)
    },
  }
}

/** Returns the refusal of a body with more than `maximumBytes`. `foundBytes`: those that it declares, or that have come. */
export function tooLarge(maximumBytes: number, foundBytes: number): TureenError {
  const [limit, found] = [maximumBytes, foundBytes].map(bytes => bytes.toLocaleString('en'))
  const message = `the upload has more than ${limit} bytes`
  return new TureenError(
    'TUREEN_TOO_LARGE',
    `The upload has more than ${limit} bytes (TUREEN_MAX_UPLOAD_BYTES). Nothing was kept. Send less, or raise the limit.`,
    [{ field: 'TUREEN_MAX_UPLOAD_BYTES', expected: `${limit} bytes at most`, actual: `${found} bytes`, message }],
  )
}

function cutOff(): TureenError {
  const message = 'ended before it was complete'
  return new TureenError('TUREEN_BODY_MALFORMED', `The body ${message}. Nothing was kept. Send it again.`, [
    { field: 'body', message },
  ])
}
