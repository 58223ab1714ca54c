import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'
import { isSafe } from './origin-check.ts'

/** True if a request may have a body, by its headers. A body in chunks may still be empty. */
export function mayHaveBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * Refuses bodies that the server would store or read otherwise than their headers say: compressed bodies, and parts of a resource. It
 * runs before any body is read.
 */
export const wholeBodies = fastifyPlugin(async app => {
  app.addHook('onRequest', async ({ raw, method }) => {
    if (isSafe(method)) return
    refuseRange(raw.headers)
    if (mayHaveBody(raw)) refuseCodings(raw.headers)
  })
})

/** RFC 9110, 14.4: a server that takes a part of a resource for the whole would store damaged content. */
function refuseRange({ 'content-range': actual }: IncomingHttpHeaders): void {
  if (actual === undefined) return
  const message = `the header content-range says that the body is a part (${actual}), and the server takes whole files`
  throw new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The request is not valid: ${message}. Send the whole file in one request, without the header.`,
    [{ field: 'content-range', expected: 'no header content-range', actual, message }],
  )
}

function refuseCodings({ 'content-encoding': content, 'transfer-encoding': transfer }: IncomingHttpHeaders): void {
  const unknown = [
    { field: 'content-encoding', known: 'identity', coding: codingBeside('identity', content) },
    { field: 'transfer-encoding', known: 'chunked', coding: codingBeside('chunked', transfer) },
  ]
  for (const { field, known, coding } of unknown) if (coding !== undefined) throw encoded(field, known, coding)
}

/** Returns the first coding of a header that differs from `known`; undefined if there is none. */
function codingBeside(known: string, header = ''): string | undefined {
  const codings = header.split(',').map(each => each.trim().toLowerCase())
  return codings.find(coding => coding !== '' && coding !== known)
}

function encoded(field: string, expected: string, actual: string): TureenError {
  const message = `the header ${field} says that the body is encoded as ${actual}, and the server decodes nothing`
  return new TureenError(
    'TUREEN_UNSUPPORTED_MEDIA_TYPE',
    `The server cannot read the body: ${message}. Send the bytes as they are, without the header.`,
    [{ field, expected, actual, message }],
  )
}
