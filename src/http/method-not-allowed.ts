import { METHODS } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

/** Lets Fastify route every method that Node reads, so that WebDAV's and others are refused as what they are: wrong here. */
export function knowAllMethods(app: FastifyInstance): void {
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
}

/** Collects the methods of every route registered after it, by path. */
export const routeTable = fastifyPlugin<{ table: Map<string, Set<string>> }>(async (app, { table }) => {
  app.addHook('onRoute', ({ url, method }) => {
    const methods = table.get(url) ?? new Set()
    table.set(url, methods)
    for (const each of [method].flat()) methods.add(each)
  })
})

/** Answers 405, with what is allowed, where a path exists and the method does not. Registered after all routes. */
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
      // Before the body is looked at: a wrong method is a wrong method whatever the content type.
      onRequest: (request, reply) => {
        reply.header('allow', allow)
        return refuse(request.method)
      },
      handler: request => refuse(request.method),
    })
  }
})
