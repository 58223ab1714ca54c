import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'

/** Returns the entity tag of content. @param sha256 its digest, `sha256:<hex>` or `<hex>` */
export function contentTag(sha256: string): string {
  return `"${sha256.replace('sha256:', '')}"`
}

/** Returns the entity tag of a record. It changes when any field changes. */
export function recordTag(record: object): string {
  return contentTag(createHash('sha256').update(JSON.stringify(record)).digest('hex'))
}

/**
 * Evaluates If-Match and If-None-Match, in this order (RFC 9110, 13.2.2).
 *
 * @param tag the entity tag of the present record or content; undefined if there is none
 * @returns true if the server should answer a read with 304
 * @throws TureenError `TUREEN_PRECONDITION_FAILED`
 */
export function checkPreconditions({ headers, method }: FastifyRequest, tag: string | undefined): boolean {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && !lists(ifMatch, tag)) throw failed('if-match', ifMatch, tag)
  if (ifNoneMatch === undefined || !lists(ifNoneMatch.replace(/(^|,)\s*W\//g, '$1'), tag)) return false
  if (method === 'GET' || method === 'HEAD') return true
  throw failed('if-none-match', ifNoneMatch, tag)
}

/** Sends a record with its entity tag; 304 if the client already has it. */
export function sendRecord(request: FastifyRequest, reply: FastifyReply, record: object): FastifyReply {
  const tag = recordTag(record)
  reply.header('etag', tag)
  return checkPreconditions(request, tag) ? reply.code(304).send() : reply.send(record)
}

/** True if a header lists the tag. If-Match never matches a weak tag; for If-None-Match the caller removes the `W/` of weak tags. */
function lists(header: string, tag: string | undefined): boolean {
  if (tag === undefined) return false
  return header.trim() === '*' || header.split(',').some(each => each.trim() === tag)
}

/** Error code that If-Match and If-None-Match add to a request. */
export const preconditionErrors = ['TUREEN_PRECONDITION_FAILED'] as const satisfies readonly ErrorCode[]

/** @param expected the value of the header */
function failed(field: 'if-match' | 'if-none-match', expected: string, tag: string | undefined): TureenError {
  const message = tag === undefined ? 'there is nothing here yet' : `the resource has the entity tag ${tag}`
  return new TureenError(
    'TUREEN_PRECONDITION_FAILED',
    `The header ${field} does not allow the request: ${message}. Nothing was changed. Read the resource again.`,
    [{ field, expected, ...(tag === undefined ? {} : { actual: tag }), message }],
  )
}
