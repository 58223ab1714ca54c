import type { Readable } from 'node:stream'
import { TureenError } from '../errors.ts'

/** The chunks of a stream, as those of one that fails where a request's body goes beyond its bounds. */
export type Meter = (stream: Readable) => AsyncIterable<Uint8Array>

/**
 * Streams that fail once they have let more than `maximumBytes` through, all of them together, with `TUREEN_TOO_LARGE`; when one ends too
 * early, with `TUREEN_BODY_MALFORMED`; and with the reason of `signal` when it fires. Whatever happens the source lives on, for its
 * connection carries the answer.
 */
export function byteMeter(maximumBytes: number, signal: AbortSignal): Meter {
  let bytes = 0
  return stream => {
    // Listening begins at once: what comes before anybody reads must wait for them.
    const arrivals = arrivalsOf(stream, signal)
    return (async function* chunks() {
      try {
        for (;;) {
          signal.throwIfAborted()
          const chunk: Uint8Array | null = stream.read()
          if (chunk) {
            bytes += chunk.byteLength
            if (bytes > maximumBytes) throw tooLarge(maximumBytes)
            yield chunk
          } else if (stream.readableEnded) return
          else if (stream.destroyed) throw cutOff()
          else await arrivals.next()
        }
      } finally {
        arrivals.close()
      }
    })()
  }
}

type Arrivals = {
  /** Comes back when there may be something to read, nothing more will come, or the signal has fired. */
  next(): Promise<void>
  close(): void
}

function arrivalsOf(stream: Readable, signal: AbortSignal): Arrivals {
  const events = ['readable', 'end', 'error', 'close']
  /** Of whoever waits. */
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

/** The refusal of a body with more than `maximumBytes`. */
export function tooLarge(maximumBytes: number): TureenError {
  const limit = maximumBytes.toLocaleString('en')
  const message = `the upload has more than ${limit} bytes`
  return new TureenError(
    'TUREEN_TOO_LARGE',
    `The upload has more than ${limit} bytes (TUREEN_MAX_UPLOAD_BYTES). Nothing was kept. Send less, or raise the limit.`,
    [{ field: 'TUREEN_MAX_UPLOAD_BYTES', expected: `${limit} bytes at most`, message }],
  )
}

function cutOff(): TureenError {
  const message = 'ended before it was complete'
  return new TureenError('TUREEN_BODY_MALFORMED', `The body ${message}. Nothing was kept. Send it again.`, [
    { field: 'body', message },
  ])
}
