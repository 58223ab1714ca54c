import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { decodedOnce } from '../percent-encoding.ts'
import { isWholeText } from '../received-text.ts'
import type { Reservation } from '../storage/room.ts'
import { watchBodyDigest } from './body-digest.ts'
import { flowOnDemand, type WaitFor } from './body-flow.ts'
import { inviteBody } from './body-guard.ts'
import type { BodyProgress } from './body-progress.ts'
import { byteMeter, type Meter, tooLarge } from './byte-meter.ts'
import { heedPartHeaders } from './part-headers.ts'
import { uploadSlotErrors } from './upload-slots.ts'

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

/** Error codes of {@link uploadParts}, and of uploads above the limits of a client. */
export const uploadErrors = [
  'TUREEN_REQUEST_INVALID',
  'TUREEN_REQUEST_TIMEOUT',
  'TUREEN_BODY_MALFORMED',
  'TUREEN_DIGEST_MISMATCH',
  'TUREEN_TOO_LARGE',
  'TUREEN_UNSUPPORTED_MEDIA_TYPE',
  'TUREEN_STORE_FULL',
  ...uploadSlotErrors,
] as const satisfies readonly ErrorCode[]

/** Limits of one upload. `reserveRoom`: reserves room in the store for this many bytes, and throws if there is none. */
export type UploadLimits = {
  maximumBytes: number
  progress: BodyProgress
  reserveRoom(bytes: number): Reservation
}

/** The content type that curl sends by default for raw bytes. */
const formType = 'application/x-www-form-urlencoded'
/** Content types of raw bytes. */
const rawTypes = new Set(['application/octet-stream', formType])

/** Most files in one form. Some exporters write one file of external data for every tensor. */
const maximumFiles = 16_384

/** Most parts and files of one form. A recipe may be one more file. */
export const formLimits = { files: maximumFiles + 1, parts: maximumFiles + 16 } as const

heedPartHeaders()

/** Makes the routes of its context take bodies as streams, raw or multipart. */
export const streamedBodies = fastifyPlugin(async (app: FastifyInstance) => {
  app.removeAllContentTypeParsers()
  await app.register(multipart, {
    limits: { fileSize: Number.POSITIVE_INFINITY, ...formLimits },
    preservePath: true,
    // Otherwise the library holds fields in memory and parses JSON fields.
    isPartAFile: () => true,
    throwFileSizeLimit: true,
  })
  app.addContentTypeParser('*', (request, payload, done) => {
    const type = request.headers['content-type']
    if (type === undefined || rawTypes.has(essenceOf(type))) return done(null, payload)
    const expected = [...rawTypes, 'multipart/form-data'].join(', ')
    const message = `the content type is ${type}; an upload takes ${expected}, or none`
    const cause = { field: 'content-type', expected, actual: type, message }
    done(
      new TureenError(
        'TUREEN_UNSUPPORTED_MEDIA_TYPE',
        `The upload has the content type ${type}. Send raw bytes (${[...rawTypes].join(', ')}, or no content type) or multipart/form-data.`,
        [cause],
      ),
    )
  })
})

/**
 * Yields the parts of a request's body, in order, as streams. A raw body is one file part named `model`.
 *
 * @throws TureenError `TUREEN_TOO_LARGE` or `TUREEN_STORE_FULL` by the declared length, before it reads; then `TUREEN_TOO_LARGE`,
 * `TUREEN_REQUEST_TIMEOUT`, `TUREEN_BODY_MALFORMED`; `TUREEN_DIGEST_MISMATCH` after the last part
 */
export async function* uploadParts(request: FastifyRequest, limits: UploadLimits): AsyncGenerator<UploadPart> {
  const { maximumBytes, progress, reserveRoom } = limits
  const declaredBytes = Number(request.headers['content-length'] ?? 0)
  if (declaredBytes > maximumBytes + (request.isMultipart() ? multipartOverheadBytes : 0))
    throw tooLarge(maximumBytes, declaredBytes)
  const digest = watchBodyDigest(request)
  const reservation = reserveRoom(declaredBytes)
  inviteBody(request)
  const { signal, stop } = progress.watch(request.raw)
  const meter = byteMeter(maximumBytes, signal)
  try {
    if (request.isMultipart()) yield* multipartParts(request, { meter, signal, reservation })
    else
      yield {
        kind: 'file',
        field: 'model',
        filename: undefined,
        isFormBody: essenceOf(request.headers['content-type']) === formType,
        stream: meter(request.raw),
        reservation,
      }
  } finally {
    stop()
    reservation.release()
  }
  digest.verify()
}

/** Returns a content type without its parameters. */
function essenceOf(type: string | undefined): string {
  return type?.split(';')[0]?.trim().toLowerCase() ?? ''
}

/** Most bytes of a form's boundaries and part headers, which come on top of its files. */
const multipartOverheadBytes = 1 << 20

/** `signal`: fires when the body comes too slowly. */
type Receiving = { meter: Meter; signal: AbortSignal; reservation: Reservation }

async function* multipartParts(request: FastifyRequest, receiving: Receiving): AsyncGenerator<UploadPart> {
  try {
    yield* partsOf(request, receiving)
  } catch (error) {
    if (error instanceof TureenError || (error instanceof Error && 'statusCode' in error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    if (reason === 'Multipart: Boundary not found') throw withoutBoundary(request.headers['content-type'], error)
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
