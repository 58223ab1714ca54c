import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { limitRate } from './rate-limit.ts'
import { findToken, includesScope, type Token, type TokenScope } from './tokens.ts'

/** Who may use a route: whoever has a token of this scope, or anybody. */
export type Access = TokenScope | 'open'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where it is not what {@link accessOf} says of the method. */
    auth?: Access
  }
  interface FastifyRequest {
    /** The token that the request came with; null where none is needed. */
    token: Token | null
  }
}

/** The codes that {@link access} refuses with. */
export const accessErrors = [
  'TUREEN_UNAUTHENTICATED',
  'TUREEN_FORBIDDEN',
  'TUREEN_RATE_LIMITED',
] as const satisfies readonly ErrorCode[]

/** Who may use a route: what it says itself, else reading needs `read` and everything else `write`. */
export function accessOf(method: string, { auth }: { auth?: Access }): Access {
  return auth ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
}

/**
 * Refuses who may not use a route, and who asks too often, before anything of the body is read. Requests with a token count for
 * it, all others, wrong tokens among them, for the address that they come from. Routes that are open are not counted.
 *
 * @param tokens gives those that are valid at the moment; none: everybody may do everything
 * @param requestsPerMinute 0: as many as they like
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
      if (valid.length > 0) authorize(request, reply, needed, sent !== undefined)
    })
  },
)

/** @throws TureenError `TUREEN_UNAUTHENTICATED`, `TUREEN_FORBIDDEN` */
function authorize({ token, headers }: FastifyRequest, reply: FastifyReply, needed: TokenScope, isSent: boolean): void {
  if (token && includesScope(token.scope, needed)) return
  const field = 'authorization'
  if (token) {
    reply.header('www-authenticate', `Bearer realm="tureen", error="insufficient_scope", scope="${needed}"`)
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
