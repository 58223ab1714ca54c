import type { FastifyReply, FastifyRequest } from 'fastify'
import parseRange from 'range-parser'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { ContentLink, ReadRange } from '../storage/content/content-store.ts'
import { reprDigest } from './body-digest.ts'
import { checkPreconditions, contentTag, preconditionErrors } from './preconditions.ts'
import { sendPieces } from './send-pieces.ts'

/** A file whose bytes have a known digest. `link`: a place from which clients may get it in place of this server. */
export type Content = { read: ReadRange; link?: ContentLink; bytes: number; sha256: string; filename: string }

/** Error codes of {@link sendContent}. */
export const contentErrors = [
  ...preconditionErrors,
  'TUREEN_RANGE_NOT_SATISFIABLE',
] as const satisfies readonly ErrorCode[]

/**
 * Sends a file, or the requested range of it (RFC 9110: Range, If-Range, If-Match, If-None-Match). A file with a link is 307: the client
 * repeats its request, with the range, at the other place.
 */
export async function sendContent(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content,
): Promise<FastifyReply> {
  const etag = contentTag(content.sha256)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const isKnown = isRead && checkPreconditions(request, etag)
  const disposition = contentDisposition(content.filename)
  reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('repr-digest', reprDigest(content.sha256))
    .header('content-disposition', disposition)
    .type('application/octet-stream')
  if (isKnown) return reply.code(304).send()
  try {
    const url = request.method === 'GET' ? await content.link?.(disposition) : null
    if (url) {
      describeNothing(reply)
      return reply.removeHeader('content-type').header('cache-control', 'no-store').redirect(url, 307)
    }
    const range = requestedRange(request, reply, content.bytes, etag)
    const length = range ? range.end - range.start + 1 : content.bytes
    reply.header('content-length', length)
    if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${content.bytes}`)
    if (request.method === 'HEAD') return reply.send()
    return await sendPieces(reply, content.read({ start: range?.start ?? 0, length }), length)
  } catch (error) {
    describeNothing(reply)
    throw error
  }
}

function requestedRange({ headers, method }: FastifyRequest, reply: FastifyReply, bytes: number, etag: string) {
  const ifRange = headers['if-range']
  if (headers.range === undefined || method !== 'GET' || (ifRange !== undefined && ifRange !== etag)) return undefined
  const ranges = parseRange(bytes, clampSuffix(headers.range, bytes))
  if (ranges === -1) {
    reply.header('content-range', `bytes */${bytes}`)
    const message = `the range ${headers.range} lies outside the content of ${bytes} bytes`
    throw new TureenError(
      'TUREEN_RANGE_NOT_SATISFIABLE',
      `The range ${headers.range} lies outside the content of ${bytes} bytes. Ask for a range inside it.`,
      [{ field: 'range', expected: `inside ${bytes} bytes`, actual: headers.range, message }],
    )
  }
  // RFC 9110 (14.2) allows the whole content as answer to a malformed range and to several ranges.
  return ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1 ? undefined : ranges[0]
}

/** Removes the headers that describe content, before an error is sent instead. */
function describeNothing(reply: FastifyReply): void {
  const names = ['etag', 'accept-ranges', 'repr-digest', 'content-disposition', 'content-length']
  for (const name of names) reply.removeHeader(name)
}

/**
 * Returns the range with a suffix of at most `bytes`. A longer suffix means the whole content (RFC 9110, 14.1.2), but range-parser refuses
 * it.
 */
function clampSuffix(range: string, bytes: number): string {
  const suffix = /^bytes=-(\d+)$/.exec(range)?.[1]
  return suffix === undefined ? range : `bytes=-${Math.min(Number(suffix), bytes)}`
}

/** Returns the header that names a file. A name with slashes, such as org/model, would be a path to some clients. */
function contentDisposition(name: string): string {
  const filename = name.replace(/[\\/]/g, '_')
  const ascii = filename.replace(/[^\x20-\x7e]|["%]/g, '_')
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(filename).replace(/['()*]/g, encodeByte)}`
}

function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
