import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { z } from 'zod'
import { asTureenError, type ProblemItem, TureenError } from '../errors.ts'
import { problemDocument } from '../problem-document.ts'
import { unknownFields } from '../unknown-fields.ts'
import { issueCause } from '../validation/issue-cause.ts'
import { toldFindings } from '../validation/told-causes.ts'
import { type BodyDrain, hasLargeBody } from './body-drain.ts'
import { nothingAt, ofFastify } from './fastify-errors.ts'
import { withNewline } from './final-newline.ts'
import { logWhenOver } from './request-log.ts'
import { InvalidPart } from './validator.ts'

export const problemMediaType = 'application/problem+json'

/** Default of Retry-After, in seconds. */
const retrySeconds = 5

/** Sends every error as a problem document. Register it before every route. @param drain reads the rest of a refused body */
export const problemDetails = fastifyPlugin<{ drain: BodyDrain['drain'] }>(async (app, { drain }) => {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = toTureenError(error, request)
    if (problem.status >= 500) request.log.error({ err: error }, problem.message)
    return sendProblem(request, reply, problem, drain)
  })
  // Plugins that serve files, such as those of /docs, call this for unknown ones.
  app.setNotFoundHandler(async request => {
    throw nothingAt(request)
  })
})

/**
 * Returns the handler of malformed paths, which reach no route and no hook.
 * @param check throws if the request is refused for another reason, such as its host
 * @param drain reads the rest of a refused body
 */
export function answerBadUrl(check: (request: IncomingMessage) => void, drain: BodyDrain['drain']) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    logWhenOver(request, reply)
    let problem = toTureenError(error, request)
    try {
      check(request.raw)
    } catch (refusal) {
      problem = asTureenError(refusal)
    }
    sendProblem(request, reply, problem, drain)
  }
}

/** True if the same request may succeed a little later. */
function comesBack({ status, code }: TureenError): boolean {
  return status === 429 || code === 'TUREEN_CATALOG_UNAVAILABLE' || code === 'TUREEN_CONTENT_UNAVAILABLE'
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: TureenError,
  drain: BodyDrain['drain'],
): FastifyReply {
  const body = withNewline(
    JSON.stringify(problemDocument(error, { requestId: request.id, publicPath: request.server.publicPath })),
  )
  reply.code(error.status).header('content-type', problemMediaType)
  if (comesBack(error) && !reply.hasHeader('retry-after')) reply.header('retry-after', retrySeconds)
  const { raw } = request
  if (raw.readableEnded || raw.destroyed) return reply.send(body)
  raw.unpipe()
  // Read the rest of the body, or the server would never see the next request on the connection.
  if (!hasLargeBody(raw) && error.code !== 'TUREEN_REQUEST_TIMEOUT') {
    raw.resume()
    return reply.send(body)
  }
  // An immediate close would reset the connection while the client still sends, and the client would never see the answer.
  return reply
    .header('connection', 'close')
    .header('content-length', Buffer.byteLength(body))
    .send(Readable.from(lingering(body, drain(raw))))
}

/** Yields the whole answer, and ends only when the server has read the rest of the body. */
async function* lingering(body: string, drained: Promise<void>): AsyncGenerator<string> {
  yield body
  await drained
}

/** Beginnings of refusals, by the part of the request that a schema checks. */
const partNames: Record<string, string> = {
  body: 'The request body is',
  querystring: 'The query is',
  params: 'The path is',
  headers: 'The headers are',
}

function toTureenError(error: FastifyError, request: FastifyRequest): TureenError {
  if (error instanceof TureenError) return error
  if (error instanceof InvalidPart) return invalidPart(error, request)
  const known = ofFastify(error, request)
  if (known) return known
  const status = error.statusCode ?? 500
  if (status >= 400 && status < 500) {
    const { message } = error
    const cause = { field: 'request', actual: error.code, message }
    return new TureenError('TUREEN_REQUEST_INVALID', `The request is not valid: ${message}.`, [cause], { cause: error })
  }
  return asTureenError(error)
}

function invalidPart(
  { findings, validationContext: part = 'body' }: InvalidPart,
  request: FastifyRequest,
): TureenError {
  const issues = findings.issues.flatMap(withoutUnions)
  const { errors, list } = toldFindings({ ...findings, issues }, issue => causesIn(part, issue, request))
  return new TureenError('TUREEN_REQUEST_INVALID', `${partNames[part] ?? part} not valid: ${list}.`, errors)
}

/** Returns the issues of the form of a union that the client probably meant; for all others, the issue itself. */
function withoutUnions(issue: Issue): Issue[] {
  const form = issue.code === 'invalid_union' && issue.message === unionMessage ? formMeant(issue) : undefined
  return form ? form.flatMap(withoutUnions) : [issue]
}

/** Returns the causes in one issue of a schema. */
function causesIn(part: string, issue: Issue, request: FastifyRequest): ProblemItem[] {
  const places = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const { schema, value } = partOf(part, request)
    return unknownFields(issue.keys, places, schema, value)
  }
  if (part === 'body' && request.body === undefined)
    return [{ field: 'body', expected: 'JSON', message: 'a JSON body is required' }]
  return [issueCause(issue, places.join('.') || part, partOf(part, request).value)]
}

type Issue = z.core.$ZodIssue

/** Zod's message for a union without a message of its own. */
const unionMessage = 'Invalid input'

/**
 * Returns the issues of the form that the client probably meant, with full paths. It is the form with the fewest issues among those whose type
 * the value has. Undefined if the value has the type of no form.
 */
function formMeant({ path, errors }: z.core.$ZodIssueInvalidUnion): Issue[] | undefined {
  const fitting = errors.filter(
    issues => !issues.some(issue => issue.code === 'invalid_type' && issue.path.length === 0),
  )
  const [meant] = fitting.toSorted((a, b) => issueCount(a) - issueCount(b))
  return meant?.map(issue => ({ ...issue, path: [...path, ...issue.path] }))
}

function issueCount(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)
}

/** Returns the value of a part of a request, and its schema. */
function partOf(part: string, { routeOptions: { schema }, query, params, headers, body }: FastifyRequest) {
  switch (part) {
    case 'querystring':
      return { schema: schema?.querystring, value: query }
    case 'params':
      return { schema: schema?.params, value: params }
    case 'headers':
      return { schema: schema?.headers, value: headers }
    default:
      return { schema: schema?.body, value: body }
  }
}
