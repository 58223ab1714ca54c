import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'

/** The client that a request counts for: its token, or its address where there is none (of IPv6 the /64). */
export function clientKey({ token, ip }: FastifyRequest): string {
  // A client that is gone already has no address any more.
  return token ? `token ${token.name}` : `address ${rateLimit.normalizeIP(ip || 'none')}`
}

/** The client of a request, as refusals name it at the beginning of a sentence. */
export function clientName({ token }: FastifyRequest): string {
  return token ? `The token ${token.name}` : 'This address'
}
