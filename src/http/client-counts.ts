import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientKey } from './client-key.ts'

/** Counts running requests by client. */
export type ClientCounts = {
  /** Returns the number of running requests of the client that sent this request. */
  of(request: FastifyRequest): number
  /** Counts a request until it is answered or its client has disconnected. */
  add(request: FastifyRequest, reply: FastifyReply): void
}

export function countClients(): ClientCounts {
  const counts = new Map<string, number>()
  return {
    of: request => counts.get(clientKey(request)) ?? 0,
    add(request, reply) {
      // If the client has already disconnected, no close event follows.
      if (request.raw.socket.destroyed) return
      const key = clientKey(request)
      counts.set(key, (counts.get(key) ?? 0) + 1)
      reply.raw.once('close', () => {
        const left = (counts.get(key) ?? 1) - 1
        if (left > 0) counts.set(key, left)
        else counts.delete(key)
      })
    },
  }
}
