import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { pathsWithInlineParts } from '../../docs/generator/inline-parts.ts'
import { answerHeaders } from '../../src/http/answer-headers.ts'
import { apiDocument } from '../../src/http/api-document/document.ts'
import { describedPath } from './undeclared-codes.ts'

const ours = new Map(Object.keys(answerHeaders).map(name => [name.toLowerCase(), name]))

/** Headers that are no part of the API: browsers let all scripts read the first ones, and heed the others themselves. */
const plain = new Set([
  ...['cache-control', 'content-length', 'content-type', 'last-modified'],
  ...['connection', 'content-encoding', 'date', 'keep-alive', 'transfer-encoding', 'vary', 'x-accel-buffering'],
  ...['content-security-policy', 'cross-origin-opener-policy', 'cross-origin-resource-policy', 'origin-agent-cluster'],
  ...['referrer-policy', 'x-content-type-options', 'x-dns-prefetch-control', 'x-download-options', 'x-frame-options'],
  ...['x-permitted-cross-domain-policies', 'x-xss-protection'],
])

/** The headers that the document declares, as `GET /v1/models 200 ETag`. Servers of one process declare the same. */
let declared: Set<string> | undefined

type Handling = { request: FastifyRequest; reply: FastifyReply; route: { url: string } }

/**
 * Watches the headers of a server's answers.
 * @returns a function that ends the watch, and throws if a header is not listed in `answerHeaders`, or if /openapi.json does not declare it
 * for the operation that set it
 */
export function watchUndeclaredHeaders(app: FastifyInstance): () => void {
  const unknown = new Set<string>()
  const seen = new Set<string>()
  const operations = new WeakMap<ServerResponse, string>()
  const { start } = tracingChannel<Handling>('fastify.request.handler')
  const onHandling = (message: unknown) => {
    if (!isHandling(message) || message.request.server.server !== app.server) return
    const path = describedPath(message.route.url)
    operations.set(message.reply.raw, `${message.request.method} ${path}`)
  }
  const onFinish = (message: unknown) => {
    if (!isAnswer(message) || message.server !== app.server) return
    const { response } = message
    const operation = operations.get(response)
    for (const name of response.getHeaderNames()) {
      const known = ours.get(name)
      if (known === undefined && !plain.has(name) && !name.startsWith('access-control-')) unknown.add(name)
      if (known !== undefined && operation !== undefined) seen.add(`${operation} ${response.statusCode} ${known}`)
    }
  }
  start.subscribe(onHandling)
  subscribe('http.server.response.finish', onFinish)
  return () => {
    start.unsubscribe(onHandling)
    unsubscribe('http.server.response.finish', onFinish)
    if (unknown.size > 0) throw new Error(`answerHeaders has no ${[...unknown].join(', ')}`)
    declared ??= declaredHeaders(app)
    const undeclared = [...seen].filter(each => isUndeclared(each, declared ?? new Set()))
    if (undeclared.length > 0) throw new Error(`/openapi.json does not declare ${undeclared.join(', ')}`)
  }
}

/** True if the document has the operation, and declares the header neither for this status nor for any error. */
function isUndeclared(each: string, declared: ReadonlySet<string>): boolean {
  const [method, path, status = '', name] = each.split(' ')
  const operation = `${method} ${path}`
  if (![200, 201, 202, 204].some(good => declared.has(`${operation} ${good} X-Request-Id`))) return false
  return !declared.has(each) && !declared.has(`${operation} ${status[0]}XX ${name}`)
}

function declaredHeaders(app: FastifyInstance): Set<string> {
  const found = new Set<string>()
  for (const [path, methods] of Object.entries(pathsWithInlineParts(apiDocument(app.swagger()))))
    for (const [method, { responses }] of Object.entries(methods))
      for (const [status, answer] of Object.entries(Object(responses)))
        for (const name of Object.keys(Object(answer).headers ?? {}))
          found.add(`${method.toUpperCase()} ${path} ${status} ${name}`)
  return found
}

function isHandling(message: unknown): message is Handling {
  return typeof message === 'object' && message !== null && 'request' in message && 'reply' in message
}

function isAnswer(message: unknown): message is { response: ServerResponse; server: unknown } {
  return typeof message === 'object' && message !== null && 'response' in message && 'server' in message
}
