import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { z } from 'zod'
import type { ErrorCode } from '../error-catalogue.ts'
import { asTureenError, type ProblemItem, TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { unknownFields } from '../unknown-fields.ts'
import { toldFindings } from '../validation/told-causes.ts'
import { withNewline } from './final-newline.ts'
import { logWhenOver } from './request-log.ts'
import { InvalidPart } from './validator.ts'

export const problemMediaType = 'application/problem+json'

/** A client that is refused for what others are doing, and not told more exactly, is to come again after so many seconds. */
const retrySeconds = 5

/** Up to this size, what is left of a refused body is simply read. */
const smallBodyBytes = 1 << 20
/** How long a client may go on sending a body that has been refused, so that it comes to read the answer. */
const lingerMilliseconds = 5_000

/** Every error that a client meets, whoever threw it, as a problem document. */
export const problemDetails = fastifyPlugin(async app => {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = toTureenError(error, request)
    if (problem.status >= 500) request.log.error({ err: error }, problem.message)
    return sendProblem(request, reply, problem)
  })
  // Before the body is looked at: what is not there does not mind the content type.
  app.addHook('onRequest', async request => {
    if (!request.is404) return
    throw new TureenError('TUREEN_NOT_FOUND', nothingAt(request))
  })
  // Of plugins that look for what they serve, such as a file of /docs, and find nothing.
  app.setNotFoundHandler(async request => {
    throw new TureenError('TUREEN_NOT_FOUND', nothingAt(request))
  })
})

function nothingAt({ url }: FastifyRequest): string {
  return `There is nothing at ${url.split('?')[0]}; /docs shows what there is.`
}

/**
 * Makes what answers a path that is no path: it reaches no route and no hook.
 * @param check throws if the request is refused whatever its path
 */
export function answerBadUrl(check: (request: IncomingMessage) => void) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    logWhenOver(request, reply)
    let problem = toTureenError(error, request)
    try {
      check(request.raw)
    } catch (refusal) {
      problem = asTureenError(refusal)
    }
    sendProblem(request, reply, problem)
  }
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, error: TureenError) {
  const body = withNewline(JSON.stringify(problemDocument(error, request.id)))
  reply.code(error.status).header('content-type', problemMediaType)
  if (error.status === 429 && !reply.hasHeader('retry-after')) reply.header('retry-after', retrySeconds)
  const { raw } = request
  if (raw.readableEnded || raw.destroyed) return reply.send(body)
  // What is left of the body must go by, or the next request on the connection would never be seen.
  raw.unpipe()
  raw.resume()
  if (!hasLargeBody(request) && error.code !== 'TUREEN_REQUEST_TIMEOUT') return reply.send(body)
  // Closing at once would reset the connection under a client that is still sending, and it would never see the answer.
  return reply
    .header('connection', 'close')
    .header('content-length', Buffer.byteLength(body))
    .send(Readable.from(lingering(body, request)))
}

async function* lingering(body: string, { raw }: FastifyRequest): AsyncGenerator<string> {
  yield body
  const ended = new Promise<void>(resolve => {
    raw.once('end', resolve)
    raw.once('close', resolve)
  })
  await Promise.race([ended, delay(lingerMilliseconds, undefined, { ref: false })])
}

function hasLargeBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > smallBodyBytes
}

const ofFastify: Record<string, { code: ErrorCode; detail: (error: FastifyError, request: FastifyRequest) => string }> =
  {
    FST_ERR_CTP_INVALID_MEDIA_TYPE: {
      code: 'TUREEN_UNSUPPORTED_MEDIA_TYPE',
      detail: (_, request) =>
        request.routeOptions.config.streamedBody
          ? `This resource takes ${Object.keys(request.routeOptions.config.streamedBody).join(' or ')}; the content type is none.`
          : `This resource takes ${request.routeOptions.schema?.consumes?.join(' or ') ?? 'JSON: send the header content-type: application/json'}.`,
    },
    FST_ERR_CTP_BODY_TOO_LARGE: {
      code: 'TUREEN_TOO_LARGE',
      detail: () => 'A body of JSON or YAML may have 1 MiB at most.',
    },
    FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
      code: 'TUREEN_BODY_MALFORMED',
      detail: () => 'The body does not have the length that Content-Length says.',
    },
    FST_PROTO_VIOLATION: {
      code: 'TUREEN_BODY_MALFORMED',
      detail: () =>
        'A form field has a name that objects of JavaScript have already, such as __proto__ or constructor. Rename it.',
    },
    FST_PARTS_LIMIT: { code: 'TUREEN_TOO_LARGE', detail: error => `The form has too many parts (${error.message}).` },
    FST_FILES_LIMIT: { code: 'TUREEN_TOO_LARGE', detail: error => `The form has too many files (${error.message}).` },
    FST_FIELDS_LIMIT: { code: 'TUREEN_TOO_LARGE', detail: error => `The form has too many fields (${error.message}).` },
    FST_MP_PREMATURE_CLOSE: { code: 'TUREEN_BODY_MALFORMED', detail: () => 'The form ends before its last part does.' },
    FST_STATIC_FORBIDDEN_PATH: { code: 'TUREEN_NOT_FOUND', detail: (_, request) => nothingAt(request) },
    FST_ERR_BAD_URL: { code: 'TUREEN_REQUEST_INVALID', detail: () => 'The path is not a valid URL path.' },
  }

/** What a client calls the parts of a request that schemas are for. */
const partNames: Record<string, string> = {
  body: 'The request body is',
  querystring: 'The query is',
  params: 'The path is',
  headers: 'The headers are',
}

function toTureenError(error: FastifyError, request: FastifyRequest): TureenError {
  if (error instanceof TureenError) return error
  if (error instanceof InvalidPart) return invalidPart(error, request)
  const known = ofFastify[error.code]
  if (known) return new TureenError(known.code, known.detail(error, request), [], { cause: error })
  const status = error.statusCode ?? 500
  if (status >= 400 && status < 500)
    return new TureenError('TUREEN_REQUEST_INVALID', `${error.message}.`, [], { cause: error })
  return asTureenError(error)
}

function invalidPart(
  { findings, validationContext: part = 'body' }: InvalidPart,
  request: FastifyRequest,
): TureenError {
  const { errors, list } = toldFindings(findings, issue => causesIn(part, issue, request))
  return new TureenError('TUREEN_REQUEST_INVALID', `${partNames[part] ?? part} not valid: ${list}.`, errors)
}

/** The causes in one finding of a schema. Of several forms that a value may have, only the one is told of whose type it has. */
function causesIn(part: string, issue: Issue, request: FastifyRequest): ProblemItem[] {
  const form = issue.code === 'invalid_union' && issue.message === unionMessage ? formMeant(issue) : undefined
  if (form) return form.flatMap(each => causesIn(part, each, request))
  const places = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const { schema, value } = partOf(part, request)
    return unknownFields(issue.keys, places, schema, value)
  }
  const message = part === 'body' && request.body === undefined ? 'a JSON body is required' : issue.message
  return [{ field: places.join('.') || part, message }]
}

type Issue = z.core.$ZodIssue

/** What zod says of a union that has no message of its own. */
const unionMessage = 'Invalid input'

/** The findings about the form whose type a value has, placed as the value is; undefined if that is none or several. */
function formMeant({ path, errors }: z.core.$ZodIssueInvalidUnion): Issue[] | undefined {
  const meant = errors.filter(issues => !issues.some(issue => issue.code === 'invalid_type' && issue.path.length === 0))
  const [only] = meant
  if (!only || meant.length > 1) return undefined
  return only.map(issue => ({ ...issue, path: [...path, ...issue.path] }))
}

function partOf(part: string, { routeOptions, query, body }: FastifyRequest): { schema: unknown; value: unknown } {
  if (part === 'querystring') return { schema: routeOptions.schema?.querystring, value: query }
  return { schema: part === 'body' ? routeOptions.schema?.body : undefined, value: body }
}
