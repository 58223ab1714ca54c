import { tracingChannel } from 'node:diagnostics_channel'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asTureenError } from '../../src/errors.ts'

/** Information of Fastify about a request whose handler failed. */
type Failure = { request: FastifyRequest; route: { url: string }; error: unknown }

/** The described paths. They are made once, since all servers declare the same codes, and making them takes a fifth of a second. */
let paths: ReturnType<typeof describedPaths>

function describedPaths(app: FastifyInstance) {
  return app.swagger().paths
}

/** Returns the path under which /openapi.json describes a route of Fastify. */
export function describedPath(url: string): string {
  return url.replace(/\/\*$/, '/{location}').replaceAll(/:(\w+)/g, '{$1}')
}

/**
 * Watches the codes that the handlers of a server throw.
 * @returns a function that ends the watch, and throws if a service threw a code that /openapi.json does not declare for the operation
 */
export function watchUndeclaredCodes(app: FastifyInstance): () => void {
  const undeclared = new Set<string>()
  const { error: failures } = tracingChannel<Failure>('fastify.request.handler')
  const onFailure = (failure: unknown) => {
    if (!isFailure(failure) || failure.request.server.server !== app.server) return
    const { request, route, error } = failure
    // No client gets this answer: it hung up, which is why the work was stopped.
    if (request.socket.destroyed) return
    const { code } = asTureenError(error)
    const path = describedPath(route.url)
    paths ??= describedPaths(app)
    const operation: unknown = Reflect.get(paths?.[path] ?? {}, request.method.toLowerCase())
    if (operation !== undefined && !JSON.stringify(operation).includes(code))
      undeclared.add(`${code} of ${request.method} ${path}`)
  }
  failures.subscribe(onFailure)
  return () => {
    failures.unsubscribe(onFailure)
    if (undeclared.size > 0) throw new Error(`no service declares ${[...undeclared].join(', ')}`)
  }
}

function isFailure(message: unknown): message is Failure {
  return typeof message === 'object' && message !== null && 'request' in message && 'error' in message
}
