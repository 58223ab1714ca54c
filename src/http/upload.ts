import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { isWholeText } from '../received-text.ts'
import type { Reservation } from '../storage/room.ts'
import { watchBodyDigest } from './body-digest.ts'
import { inviteBody } from './body-guard.ts'
import type { BodyProgress } from './body-progress.ts'
import { byteMeter, type Meter, tooLarge } from './byte-meter.ts'
import { uploadSlotErrors } from './upload-slots.ts'

/**
 * One part of an upload; a field is a part that a client sent as a text. Its stream must be read to its end before the next part comes; its
 * chunks are whoever reads them's to keep.
 */
export type UploadPart = {
  kind: 'file' | 'field'
  field: string
  filename: string | undefined
  stream: AsyncIterable<Uint8Array>
  /** Room for what the request declares to be long, all its parts together. */
  reservation: Reservation
}

/** The codes that {@link uploadParts} refuses a body with, and an upload beyond what a client may send at a time. */
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

/** What bounds one upload. `reserveRoom`: throws if the store has no room for so many bytes. */
export type UploadLimits = {
  maximumBytes: number
  progress: BodyProgress
  reserveRoom(bytes: number): Reservation
}

/** What curl sends for raw bytes: nothing, or the form type that it sends unasked. */
const rawTypes = new Set(['application/octet-stream', 'application/x-www-form-urlencoded'])

/** Files in one form: models, and external data of which some exporters write a file for every tensor. */
const maximumFiles = 16_384

/** Parts and files that one form may have: one recipe beside the files. */
export const formLimits = { files: maximumFiles + 1, parts: maximumFiles + 16 } as const

/** Lets the routes of its context take their bodies as streams: raw, or multipart. */
export const streamedBodies = fastifyPlugin(async (app: FastifyInstance) => {
  app.removeAllContentTypeParsers()
  await app.register(multipart, {
    limits: { fileSize: Number.POSITIVE_INFINITY, ...formLimits },
    preservePath: true,
    // The library would hold fields in memory, and parse those of JSON.
    isPartAFile: () => true,
    throwFileSizeLimit: true,
  })
  app.addContentTypeParser('*', (request, payload, done) => {
    const type = request.headers['content-type']
    if (type === undefined || rawTypes.has(type.split(';')[0]?.trim().toLowerCase() ?? '')) return done(null, payload)
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
 * The parts of a request's body, in order, as they arrive; a raw body is one file part named `model`. Nothing is held in memory.
 *
 * @throws TureenError before anything is read `TUREEN_TOO_LARGE`, `TUREEN_STORE_FULL` for what the request declares; then
 * `TUREEN_TOO_LARGE`, `TUREEN_REQUEST_TIMEOUT`, `TUREEN_BODY_MALFORMED`; `TUREEN_DIGEST_MISMATCH` after the last part
 */
export async function* uploadParts(request: FastifyRequest, limits: UploadLimits): AsyncGenerator<UploadPart> {
  const { maximumBytes, progress, reserveRoom } = limits
  const declaredBytes = Number(request.headers['content-length'] ?? 0)
  if (declaredBytes > maximumBytes + (request.isMultipart() ? multipartOverheadBytes : 0)) throw tooLarge(maximumBytes)
  const digest = watchBodyDigest(request)
  const reservation = reserveRoom(declaredBytes)
  inviteBody(request)
  const { signal, stop } = progress.watch(request.raw)
  const meter = byteMeter(maximumBytes, signal)
  try {
    if (request.isMultipart()) yield* multipartParts(request, { meter, signal, reservation })
    else yield { kind: 'file', field: 'model', filename: undefined, stream: meter(request.raw), reservation }
  } finally {
    stop()
    reservation.release()
  }
  digest.verify()
}

/** What boundaries and part headers may add to the files of a form. */
const multipartOverheadBytes = 1 << 20

/** `signal`: fires when the body comes too slowly. */
type Receiving = { meter: Meter; signal: AbortSignal; reservation: Reservation }

async function* multipartParts(request: FastifyRequest, receiving: Receiving): AsyncGenerator<UploadPart> {
  try {
    yield* partsOf(request, receiving)
  } catch (error) {
    if (error instanceof TureenError || (error instanceof Error && 'statusCode' in error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const message = `is not a complete form: ${reason}`
    const errors = [{ field: 'body', expected: 'multipart/form-data', message }]
    throw new TureenError('TUREEN_BODY_MALFORMED', `The body ${message}. Nothing was kept. Send it again.`, errors, {
      cause: error,
    })
  }
}

async function* partsOf(
  request: FastifyRequest,
  { meter, signal, reservation }: Receiving,
): AsyncGenerator<UploadPart> {
  for await (const part of untilAborted(request.parts(), signal)) {
    requireWhole(part.fieldname, 'name', part.fieldname)
    if (part.type === 'field') throw new RangeError(`the part ${part.fieldname} is no file to the library`)
    requireWhole(part.fieldname, 'filename', part.filename)
    const isText = part.filename === undefined && part.mimetype !== 'application/octet-stream'
    yield {
      kind: isText ? 'field' : 'file',
      field: part.fieldname,
      filename: part.filename || undefined,
      stream: meter(part.file),
      reservation,
    }
    if (part.file.truncated) throw incompletePart('TUREEN_TOO_LARGE', part.fieldname, 'was cut off')
    if (!part.file.readableEnded)
      throw incompletePart('TUREEN_BODY_MALFORMED', part.fieldname, 'was not read to its end')
  }
}

function incompletePart(code: ErrorCode, field: string, message: string): TureenError {
  return new TureenError(code, `The part ${field} ${message}. Nothing was kept. Send the form again.`, [
    { field, message },
  ])
}

/** @throws TureenError `TUREEN_BODY_MALFORMED` if a decoded text is not the one that was sent */
function requireWhole(field: string, what: 'name' | 'filename', text: string | undefined): void {
  if (text === undefined || isWholeText(text)) return
  const message = `has a ${what} with bytes that are not UTF-8`
  throw new TureenError('TUREEN_BODY_MALFORMED', `The part ${field} ${message}. Send it as UTF-8.`, [
    { field, expected: 'UTF-8', actual: text, message },
  ])
}

/** Items until the signal fires, also while the next one is waited for. @throws the reason of the signal */
async function* untilAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  aborted.catch(() => undefined)
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted])
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const recipeBytes = 1 << 20

/** The chunks of a part that is a recipe. @throws TureenError `TUREEN_TOO_LARGE` beyond 1 MiB */
export async function* recipeChunks({ stream }: UploadPart): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    if (bytes > recipeBytes)
      throw new TureenError(
        'TUREEN_TOO_LARGE',
        'The recipe has more than 1 MiB. Nothing was kept. Send a smaller recipe, such as one with globs.',
        [{ field: 'recipe', expected: '1 MiB at most', message: 'has more than 1 MiB' }],
      )
    yield chunk
  }
}
