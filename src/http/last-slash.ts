import type { FastifyRequest } from 'fastify'

/** Gives a path parameter `*` the slash back that the router takes off the end of every path: there it is part of a name. */
export async function keepLastSlash({ params, raw }: FastifyRequest): Promise<void> {
  if (typeof params !== 'object' || params === null || !('*' in params) || typeof params['*'] !== 'string') return
  if (raw.url?.split('?')[0]?.endsWith('/')) params['*'] += '/'
}
