import { METHODS } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

/** Makes Fastify route every HTTP method that Node knows, such as WebDAV's. Otherwise Fastify would answer 404 to them instead of 405. */
export function knowAllMethods(app: FastifyInstance): void {
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
}

/** Collects the HTTP methods of every route that is registered after it, by path. */
export const routeTable = fastifyPlugin<{ table: Map<string, Set<string>> }>(async (app, { table }) => {
  app.addHook('onRoute', ({ url, method }) => {
    const methods = table.get(url) ?? new Set()
    table.set(url, methods)
    for (const each of [method].flat()) methods.add(each)
  })
})

/** Answers 405 with the header Allow if a path exists, but not with this HTTP method. Register it after all routes. */
export const methodNotAllowed = fastifyPlugin<{ table: Map<string, Set<string>> }>(async (app, { table }) => {
  for (const [url, methods] of [...table]) {
    const allow = [...methods].sort().join(', ')
    const refuse = async (method: string) => {
      const message = `the resource does not have ${method}; it has ${allow}`
      throw new TureenError(
        'TUREEN_METHOD_NOT_ALLOWED',
        `The resource does not have the HTTP method ${method}. Use one of ${allow}.`,
        [{ field: 'method', expected: allow, actual: method, message }],
      )
    }
    app.route({
      method: app.supportedMethods.filter(method => !methods.has(method)),
      url,
      schema: { hide: true },
      config: { auth: 'open' },
      // Refuse before the body is parsed, so that a wrong content type does not hide the wrong HTTP method.
      onRequest: (request, reply) => {
        reply.header('allow', allow)
        return refuse(request.method)
      },
      handler: request => refuse(request.method),
    })
  }
})
