import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { ownTurn } from '../own-turn.ts'
import { decodeText, requireKeepable } from '../received-text.ts'
import { maximumValues, requireBoundedJson } from '../validation/bounded-json.ts'
import { jsonMistake } from '../validation/json-mistake.ts'

/** Error codes of missing or wrong JSON bodies. */
export const jsonBodyErrors = [
  'TUREEN_REQUEST_INVALID',
  'TUREEN_BODY_MALFORMED',
  'TUREEN_DIGEST_MISMATCH',
  'TUREEN_TOO_LARGE',
  'TUREEN_UNSUPPORTED_MEDIA_TYPE',
] as const satisfies readonly ErrorCode[]

/**
 * Makes a context read JSON bodies. A request with the content type JSON may have an empty body: many clients send that with DELETE.
 * Routes that need a body refuse it by their schema.
 * @param mostValues most values in a body, lists and objects included
 * @param types the media types of such bodies
 */
export function acceptJson(
  app: FastifyInstance,
  { mostValues = maximumValues, types = ['application/json'] }: { mostValues?: number; types?: readonly string[] } = {},
): void {
  app.removeContentTypeParser([...types])
  app.addContentTypeParser<Buffer>([...types], { parseAs: 'buffer' }, async (_: unknown, body: Buffer) =>
    body.byteLength === 0 ? undefined : readJson(body, mostValues),
  )
}

/** Most characters of a body that is looked at and checked in less than a millisecond. */
const quickCharacters = 64 << 10

/** Reads JSON in bounded time. @throws TureenError `TUREEN_BODY_MALFORMED`, `TUREEN_TOO_LARGE`, `TUREEN_REQUEST_INVALID` */
async function readJson(body: Buffer, mostValues: number): Promise<unknown> {
  await ownTurn()
  const text = decodeText(body)
  requireBoundedJson(text, mostValues)
  const value = parse(text)
  // Tens of thousands of keys take as long to look at as to parse.
  await ownTurn()
  requireKeepable(value)
  // The checks of such a body by its schema take as long again.
  if (text.length > quickCharacters) await ownTurn()
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const { reason, line, column } = jsonMistake(text, error)
    const place = `line ${line}, column ${column}`
    const message = `is not JSON: ${reason} at ${place}`
    const errors = [{ field: 'body', expected: 'JSON', actual: place, message }]
    throw new TureenError('TUREEN_BODY_MALFORMED', `The body ${message}. Correct it there.`, errors, { cause: error })
  }
}
