import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'

/** Returns the key that a request counts for: its token, or without one its address. IPv6 addresses count by their /64 network. */
export function clientKey({ token, ip }: FastifyRequest): string {
  // A client that has already disconnected has no address.
  return token ? `token ${token.name}` : `address ${rateLimit.normalizeIP(ip || 'none')}`
}

/** Returns the name of a request's client for the beginning of a refusal. */
export function clientName({ token }: FastifyRequest): string {
  return token ? `The token ${token.name}` : 'This address'
}
