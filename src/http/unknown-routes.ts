import { METHODS } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'
import { nothingAt } from './fastify-errors.ts'
import type { PathTable } from './path-table.ts'

/** Makes Fastify route every HTTP method that Node knows, such as WebDAV's. Otherwise Fastify would answer 404 to them instead of 405. */
export function knowAllMethods(app: FastifyInstance): void {
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
}

/**
 * Answers 404 if a path does not exist, and 405 with the header Allow if it exists, but not with this HTTP method. It refuses before the body
 * is parsed, so that a wrong content type hides neither.
 */
export const unknownRoutes = fastifyPlugin<{ paths: PathTable }>(async (app, { paths }) => {
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return
    const { method } = request
    const path = paths.find(request.url)
    if (!path) throw nothingAt(request)
    const allow = [...path.methods].sort().join(', ')
    reply.header('allow', allow)
    const message = `the resource does not have ${method}; it has ${allow}`
    throw new TureenError(
      'TUREEN_METHOD_NOT_ALLOWED',
      `The resource does not have the HTTP method ${method}. Use one of ${allow}.`,
      [{ field: 'method', expected: allow, actual: method, message }],
    )
  })
})
