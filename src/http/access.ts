import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { limitRate } from './rate-limit.ts'
import { findToken, includesScope, type Token, type TokenScope } from './tokens.ts'

/** The scope of the token that a route needs, or several of which one is enough; `open` if it needs no token. */
export type Access = TokenScope | readonly TokenScope[] | 'open'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The access of the route, if it differs from the default of {@link accessOf}. */
    auth?: Access
  }
  interface FastifyRequest {
    /** The valid token of the request; null if it has none, or if the route is open. */
    token: Token | null
  }
}

/** Error codes of {@link access}. */
export const accessErrors = [
  'TUREEN_UNAUTHENTICATED',
  'TUREEN_FORBIDDEN',
  'TUREEN_RATE_LIMITED',
] as const satisfies readonly ErrorCode[]

/** Returns the access that a route needs. Without a setting of its own, GET and HEAD need `read`, other HTTP methods `write`. */
export function accessOf(method: string, { auth }: { auth?: Access }): Access {
  return auth ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
}

/**
 * Refuses requests without the needed scope, and requests above the rate limit, before the server reads the body. A request with a valid
 * token counts for that token, any other request for its client address. Requests to open routes do not count.
 *
 * @param tokens returns the valid tokens; if there are none, every client may do everything
 * @param requestsPerMinute the most requests of one client in a minute; 0: no limit
 */
export const access = fastifyPlugin<{ tokens: () => readonly Token[]; requestsPerMinute: number }>(
  async (app, { tokens, requestsPerMinute }) => {
    const countRequest = await limitRate(app, requestsPerMinute)
    app.decorateRequest('token', null)
    app.addHook('onRequest', async (request, reply) => {
      const needed = accessOf(request.method, request.routeOptions.config)
      if (needed === 'open') return
      const sent = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
      const valid = tokens()
      request.token = (sent !== undefined && findToken(valid, sent)) || null
      await countRequest(request, reply)
      if (valid.length > 0) authorize(request, reply, [needed].flat(), sent !== undefined)
    })
  },
)

/**
 * Checks the scope of the token.
 * @param enough the scopes of which the token needs one
 * @throws TureenError `TUREEN_UNAUTHENTICATED`, `TUREEN_FORBIDDEN`
 */
function authorize(
  { token, headers }: FastifyRequest,
  reply: FastifyReply,
  enough: readonly TokenScope[],
  isSent: boolean,
): void {
  if (token && enough.some(scope => includesScope(token.scope, scope))) return
  const field = 'authorization'
  const needed = enough.join(' or ')
  if (token) {
    // RFC 6750 names one set of scopes that is enough, so name one scope.
    reply.header('www-authenticate', `Bearer realm="tureen", error="insufficient_scope", scope="${enough[0]}"`)
    const message = `the token ${token.name} has the scope ${token.scope}; the request needs ${needed}`
    throw new TureenError('TUREEN_FORBIDDEN', `The scope is too small: ${message}. Use a token of scope ${needed}.`, [
      { field, expected: `scope ${needed}`, actual: `scope ${token.scope}`, message },
    ])
  }
  reply.header('www-authenticate', `Bearer realm="tureen"${isSent ? ', error="invalid_token"' : ''}`)
  const message = isSent
    ? 'the server knows no such token'
    : headers.authorization === undefined
      ? 'the header is missing'
      : 'the header is not written: Bearer TOKEN'
  throw new TureenError(
    'TUREEN_UNAUTHENTICATED',
    `The request needs a token of scope ${needed}, and ${message}. Send the header authorization: Bearer TOKEN.`,
    [{ field, expected: `Bearer TOKEN, of scope ${needed}`, message }],
  )
}
