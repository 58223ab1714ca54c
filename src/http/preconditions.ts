import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'

/** The entity tag of bytes with this digest, `sha256:<hex>`. */
export function contentTag(sha256: string): string {
  return `"${sha256.replace('sha256:', '')}"`
}

/** The entity tag of a record, as long as nothing of it changes. */
export function recordTag(record: object): string {
  return contentTag(createHash('sha256').update(JSON.stringify(record)).digest('hex'))
}

/**
 * Evaluates If-Match and If-None-Match, in this order (RFC 9110, 13.2.2).
 *
 * @param tag of what is there; undefined if nothing is
 * @returns whether a read is to be answered with 304
 * @throws TureenError `TUREEN_PRECONDITION_FAILED`
 */
export function checkPreconditions({ headers, method }: FastifyRequest, tag: string | undefined): boolean {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && !lists(ifMatch, tag)) throw failed('if-match', ifMatch, tag)
  if (ifNoneMatch === undefined || !lists(ifNoneMatch.replace(/(^|,)\s*W\//g, '$1'), tag)) return false
  if (method === 'GET' || method === 'HEAD') return true
  throw failed('if-none-match', ifNoneMatch, tag)
}

/** Sends a record with its entity tag, or 304 to who has it already. */
export function sendRecord(request: FastifyRequest, reply: FastifyReply, record: object): FastifyReply {
  const tag = recordTag(record)
  reply.header('etag', tag)
  return checkPreconditions(request, tag) ? reply.code(304).send() : reply.send(record)
}

/** If-Match compares strongly, so that a weak tag is none of ours; If-None-Match does not, and is given here without its W/. */
function lists(header: string, tag: string | undefined): boolean {
  if (tag === undefined) return false
  return header.trim() === '*' || header.split(',').some(each => each.trim() === tag)
}

/** The code that If-Match and If-None-Match add to a request. */
export const preconditionErrors = ['TUREEN_PRECONDITION_FAILED'] as const satisfies readonly ErrorCode[]

/** @param expected what the header says */
function failed(field: 'if-match' | 'if-none-match', expected: string, tag: string | undefined): TureenError {
  const message = tag === undefined ? 'there is nothing here yet' : `the resource has the entity tag ${tag}`
  return new TureenError(
    'TUREEN_PRECONDITION_FAILED',
    `The header ${field} does not allow the request: ${message}. Nothing was changed. Read the resource again.`,
    [{ field, expected, ...(tag === undefined ? {} : { actual: tag }), message }],
  )
}
