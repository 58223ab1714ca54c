import type { Readable } from 'node:stream'
import { TureenError } from '../errors.ts'

/** The chunks of a stream, as those of one that fails where a request's body goes beyond its bounds. */
export type Meter = (stream: Readable) => AsyncIterable<Uint8Array>

/**
 * Streams that fail once they have let more than `maximumBytes` through, all of them together, or one that ends too early or stands
 * still for `idle` milliseconds, with `TUREEN_TOO_LARGE`, `TUREEN_BODY_MALFORMED` and `TUREEN_REQUEST_TIMEOUT`. Whatever happens the
 * source lives on, for its connection carries the answer.
 */
export function byteMeter(maximumBytes: number, idle: number): Meter {
  let bytes = 0
  return stream => {
    // Listening begins at once: what comes before anybody reads must wait for them.
    const arrivals = arrivalsOf(stream, idle)
    return (async function* chunks() {
      try {
        for (;;) {
          const chunk: Uint8Array | null = stream.read()
          if (chunk) {
            bytes += chunk.byteLength
            if (bytes > maximumBytes) throw tooLarge(maximumBytes)
            yield chunk
          } else if (stream.readableEnded) return
          else if (stream.destroyed) throw cutOff()
          else if (!(await arrivals.next())) throw tooSlow(idle)
        }
      } finally {
        arrivals.close()
      }
    })()
  }
}

type Arrivals = {
  /** Comes back when there may be something to read, or nothing more will come. @returns false if it has waited for too long */
  next(): Promise<boolean>
  close(): void
}

/** Only while somebody waits does the time run: whoever is slow to read has lost nothing. */
function arrivalsOf(stream: Readable, idle: number): Arrivals {
  const events = ['readable', 'end', 'error', 'close']
  /** Of whoever waits. */
  let wake: ((inTime: boolean) => void) | undefined
  let arrived = false
  const settle = (inTime: boolean) => {
    if (wake) wake(inTime)
    else arrived ||= inTime
    wake = undefined
  }
  const onArrival = () => settle(true)
  for (const event of events) stream.on(event, onArrival)
  let timer: NodeJS.Timeout | undefined
  return {
    next() {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      if (arrived) resolve(true)
      else {
        wake = resolve
        timer = timer?.refresh() ?? setTimeout(settle, idle, false)
      }
      arrived = false
      return promise
    },
    close() {
      clearTimeout(timer)
      for (const event of events) if (event !== 'error') stream.off(event, onArrival)
    },
  }
}

function tooSlow(idle: number): TureenError {
  return new TureenError(
    'TUREEN_REQUEST_TIMEOUT',
    `Nothing of the body came for ${idle / 1000} seconds (TUREEN_BODY_IDLE_SECONDS). Nothing was kept.`,
  )
}

/** The refusal of a body with more than `maximumBytes`. */
export function tooLarge(maximumBytes: number): TureenError {
  const limit = maximumBytes.toLocaleString('en')
  return new TureenError(
    'TUREEN_TOO_LARGE',
    `An upload may have ${limit} bytes at most (TUREEN_MAX_UPLOAD_BYTES). Nothing was kept.`,
  )
}

function cutOff(): TureenError {
  return new TureenError('TUREEN_BODY_MALFORMED', 'The body ended before it was complete. Nothing was kept.')
}
