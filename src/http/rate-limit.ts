import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'
import { clientKey, clientName } from './client-key.ts'

/**
 * Returns a function that counts a request of a client, in windows of a minute. Clients are told apart by {@link clientKey}.
 * The function throws TureenError `TUREEN_RATE_LIMITED` above `requestsPerMinute`, and sets Retry-After in the reply.
 */
export async function limitRate(
  app: FastifyInstance,
  requestsPerMinute: number,
): Promise<(request: FastifyRequest, reply: FastifyReply) => Promise<void>> {
  if (requestsPerMinute === 0) return async () => undefined
  await app.register(rateLimit, { global: false, timeWindow: 60_000, max: requestsPerMinute })
  const count = app.createRateLimit({ keyGenerator: clientKey })
  return async (request, reply) => {
    const counted = await count(request)
    if (counted.isAllowed || !counted.isExceeded) return
    reply.header('retry-after', counted.ttlInSeconds)
    const message = `has made its ${requestsPerMinute} requests of this minute`
    throw new TureenError(
      'TUREEN_RATE_LIMITED',
      `${clientName(request)} ${message} (TUREEN_RATE_LIMIT). Wait ${inSeconds(counted.ttlInSeconds * 1000)}. To wait for a job, use ?wait or its events.`,
      [{ field: 'TUREEN_RATE_LIMIT', expected: `${requestsPerMinute} requests a minute at most`, message }],
    )
  }
}
