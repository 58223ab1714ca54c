import type { FastifyRequest } from 'fastify'

/** Restores the final slash of the path parameter `*`, where it is part of a name. The router removes it from every path. */
export async function keepLastSlash({ params, raw }: FastifyRequest): Promise<void> {
  if (typeof params !== 'object' || params === null || !('*' in params) || typeof params['*'] !== 'string') return
  if (raw.url?.split('?')[0]?.endsWith('/')) params['*'] += '/'
}
