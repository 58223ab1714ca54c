import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { Reservation } from '../storage/room.ts'
import { watchBodyDigest } from './body-digest.ts'
import { inviteBody } from './body-guard.ts'
import type { BodyProgress } from './body-progress.ts'
import { byteMeter, tooLarge } from './byte-meter.ts'
import { formParts, type UploadPart } from './form-parts.ts'
import { heedPartHeaders } from './part-headers.ts'
import { rawChunks } from './raw-forms.ts'
import { uploadSlotErrors } from './upload-slots.ts'

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
  reserveRoom(bytes: number): Promise<Reservation>
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
    if (type === undefined || rawTypes.has(request.mediaType ?? '')) return done(null, payload)
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
  const reservation = await reserveRoom(declaredBytes)
  inviteBody(request)
  const { signal, stop } = progress.watch(request.raw)
  const meter = byteMeter(maximumBytes, signal)
  try {
    if (request.isMultipart()) yield* formParts(request, { meter, signal, reservation })
    else
      yield {
        kind: 'file',
        field: 'model',
        filename: undefined,
        isFormBody: request.mediaType === formType,
        stream: rawChunks(meter(request.raw), request),
        reservation,
      }
  } finally {
    stop()
    reservation.release()
  }
  digest.verify()
}

/** Most bytes of a form's boundaries and part headers, which come on top of its files. */
const multipartOverheadBytes = 1 << 20
