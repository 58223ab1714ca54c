import type { FastifyRequest } from 'fastify'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { decodedOnce } from '../percent-encoding.ts'
import { isWholeText } from '../received-text.ts'
import type { Reservation } from '../storage/room.ts'
import { flowOnDemand, type WaitFor } from './body-flow.ts'
import type { Meter } from './byte-meter.ts'

/**
 * One part of an upload. A `field` is a part that a client sent as text. The reader must read the stream to its end before the next part,
 * and may keep its chunks.
 */
export type UploadPart = {
  kind: 'file' | 'field'
  field: string
  filename: string | undefined
  /** True for a raw body with the content type of forms, which `curl -d` sends after it has changed the bytes. */
  isFormBody: boolean
  stream: AsyncIterable<Uint8Array>
  /** Room for the declared length of the request, all parts together. */
  reservation: Reservation
}

/** `signal`: fires when the body comes too slowly. */
type Receiving = { meter: Meter; signal: AbortSignal; reservation: Reservation }

/**
 * Yields the parts of a form, in order, as streams.
 * @throws TureenError `TUREEN_BODY_MALFORMED`, `TUREEN_UNSUPPORTED_MEDIA_TYPE`, `TUREEN_TOO_LARGE`, and the reason of the signal
 */
export async function* formParts(request: FastifyRequest, receiving: Receiving): AsyncGenerator<UploadPart> {
  let hasParts = false
  try {
    for await (const part of partsOf(request, receiving)) {
      hasParts = true
      yield part
    }
  } catch (error) {
    if (error instanceof TureenError || (error instanceof Error && 'statusCode' in error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    if (reason === 'Multipart: Boundary not found') throw withoutBoundary(request.headers['content-type'], error)
    if (reason === 'Unexpected end of multipart data' && !hasParts)
      throw withOtherBoundary(request.headers['content-type'], error)
    const message = `is not a complete form: ${reason}`
    const errors = [{ field: 'body', expected: 'multipart/form-data', message }]
    throw new TureenError('TUREEN_BODY_MALFORMED', `The body ${message}. Nothing was kept. Send it again.`, errors, {
      cause: error,
    })
  } finally {
    // The rest of a refused form must flow off before the client reads the answer.
    request.raw.resume()
  }
}

function withoutBoundary(actual = '', cause: unknown): TureenError {
  const expected = 'multipart/form-data; boundary=TEXT'
  const message = `names no boundary: ${actual}`
  return new TureenError(
    'TUREEN_BODY_MALFORMED',
    `The content type ${message}. Let your HTTP client set this header, or write ${expected}.`,
    [{ field: 'content-type', expected, actual, message }],
    { cause },
  )
}

function withOtherBoundary(expected = '', cause: unknown): TureenError {
  const message = `has no complete part behind the boundary of its content type: ${expected}`
  return new TureenError(
    'TUREEN_BODY_MALFORMED',
    `The body ${message}. Let your HTTP client set this header, which must name the boundary that the body has.`,
    [{ field: 'content-type', expected, message }],
    { cause },
  )
}

async function* partsOf(
  request: FastifyRequest,
  { meter, signal, reservation }: Receiving,
): AsyncGenerator<UploadPart> {
  const waitFor = flowOnDemand(request.raw)
  for await (const part of untilAborted(request.parts(), signal, waitFor)) {
    // The library would keep every part of the form until its end.
    part.fields[part.fieldname] = undefined
    requireWhole(part.fieldname, 'name', part.fieldname)
    if (part.type === 'field') throw new RangeError(`the part ${part.fieldname} is no file to the library`)
    requireWhole(part.fieldname, 'filename', part.filename)
    requirePlain(part.fieldname, part.encoding)
    const isText = part.filename === undefined && part.mimetype !== 'application/octet-stream'
    yield {
      kind: isText ? 'field' : 'file',
      field: meantField(part.fieldname),
      filename: part.filename || undefined,
      isFormBody: false,
      stream: meter(part.file, waitFor),
      reservation,
    }
    if (part.file.truncated) throw incompletePart('TUREEN_TOO_LARGE', part.fieldname, 'was cut off')
    if (!part.file.readableEnded)
      throw incompletePart('TUREEN_BODY_MALFORMED', part.fieldname, 'was not read to its end')
  }
}

/** Names of the parts that routes know. Parts of a data set may have any name. */
const knownFields = ['model', 'data', 'base', 'fisher', 'recipe', 'weights']

/** Returns the name of a part, decoded once if the client has percent-encoded the name of a known one. */
function meantField(sent: string): string {
  const decoded = decodedOnce(sent)
  return decoded !== undefined && knownFields.includes(decoded) ? decoded : sent
}

function incompletePart(code: ErrorCode, field: string, message: string): TureenError {
  return new TureenError(code, `The part ${field} ${message}. Nothing was kept. Send the form again.`, [
    { field, message },
  ])
}

/** Encodings of parts that leave the bytes as they are (RFC 2045, 6.2). */
const plainEncodings = ['7bit', '8bit', 'binary', 'identity']

/** Checks that a part is not encoded: the server would store other bytes than the client means. */
function requirePlain(field: string, actual: string): void {
  if (plainEncodings.includes(actual)) return
  const message = `is encoded as ${actual}, and the server decodes nothing`
  throw new TureenError('TUREEN_UNSUPPORTED_MEDIA_TYPE', `The part ${field} ${message}. Send its bytes as they are.`, [
    { field, expected: 'binary', actual, message },
  ])
}

/** Checks that a decoded text is exactly the text that the client sent. @throws TureenError `TUREEN_BODY_MALFORMED` */
function requireWhole(field: string, what: 'name' | 'filename', text: string | undefined): void {
  if (text === undefined || isWholeText(text)) return
  const message = `has a ${what} with bytes that are not UTF-8`
  throw new TureenError('TUREEN_BODY_MALFORMED', `The part ${field} ${message}. Send it as UTF-8.`, [
    { field, expected: 'UTF-8', actual: text, message },
  ])
}

/** Yields the items until the signal fires, even while it waits for the next one. @throws the reason of the signal */
async function* untilAborted<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal,
  waitFor: WaitFor,
): AsyncGenerator<Item> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  aborted.catch(() => undefined)
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await waitFor(Promise.race([iterator.next(), aborted]))
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
