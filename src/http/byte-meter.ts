import { type Readable, Transform } from 'node:stream'
import { TureenError } from '../errors.ts'

/** The bytes of a stream, as one that fails where a request's body goes beyond its bounds. */
export type Meter = (stream: Readable) => Readable

/**
 * Streams that fail once they have let more than `maximumBytes` through, all of them together, or one that ends too early or stands
 * still for `idle` milliseconds, with `TUREEN_TOO_LARGE`, `TUREEN_BODY_MALFORMED` and `TUREEN_REQUEST_TIMEOUT`.
 */
export function byteMeter(maximumBytes: number, idle: number): Meter {
  let bytes = 0
  return stream => {
    const timer = setTimeout(() => limiter.destroy(tooSlow(idle)), idle)
    const limiter = new Transform({
      transform(chunk: Uint8Array, _, done) {
        timer.refresh()
        bytes += chunk.byteLength
        if (bytes > maximumBytes) done(tooLarge(maximumBytes))
        else done(null, chunk)
      },
    })
    // Not a pipeline: when the limit is reached the source must live on, for its connection carries the answer.
    const end = () => {
      if (!stream.readableEnded) limiter.destroy(cutOff())
    }
    limiter.on('close', () => clearTimeout(timer))
    // A part that is refused unread has nobody else who listens, and would end the process when its time is over.
    limiter.on('error', () => undefined)
    // From here on only whoever reads can be slow, or has lost interest.
    stream.on('end', () => clearTimeout(timer))
    stream.on('error', end)
    stream.on('close', end)
    if (stream.destroyed) end()
    return stream.pipe(limiter)
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
