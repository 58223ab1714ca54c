import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientKey } from './client-key.ts'

/** Counts requests that are under way, by client. */
export type ClientCounts = {
  /** Requests of all clients. */
  total(): number
  /** Requests of the client that this request counts for. */
  of(request: FastifyRequest): number
  /** Counts a request until it is answered or its client is gone. */
  add(request: FastifyRequest, reply: FastifyReply): void
}

export function countClients(): ClientCounts {
  const counts = new Map<string, number>()
  let total = 0
  return {
    total: () => total,
    of: request => counts.get(clientKey(request)) ?? 0,
    add(request, reply) {
      // Of a client that is gone already no further close is heard.
      if (request.raw.socket.destroyed) return
      const key = clientKey(request)
      counts.set(key, (counts.get(key) ?? 0) + 1)
      total += 1
      reply.raw.once('close', () => {
        total -= 1
        const left = (counts.get(key) ?? 1) - 1
        if (left > 0) counts.set(key, left)
        else counts.delete(key)
      })
    },
  }
}
