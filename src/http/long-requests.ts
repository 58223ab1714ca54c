import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { type ClientCounts, countClients } from './client-counts.ts'
import { clientName } from './client-key.ts'
import { canWait, waitOf } from './waiting.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True if the answer is an event stream, which lasts as long as the job. */
    events?: boolean
  }
}

/** Most open requests of each kind at a time, for one token or address. */
export const longRequestLimits = { eventStreams: 64, waits: 256 } as const

/** Refuses event streams and waiting requests (`?wait=`, `Prefer: wait`) above the limits of one client, before the route runs. */
export const longRequests = fastifyPlugin(async app => {
  const [eventStreams, waits] = [countClients(), countClients()]
  app.addHook('preHandler', async (request, reply) => {
    if (request.routeOptions.config.events)
      countOne(request, reply, eventStreams, longRequestLimits.eventStreams, 'TUREEN_TOO_MANY_STREAMS')
    if (canWait(request.routeOptions.schema) && waitOf(request).seconds > 0)
      countOne(request, reply, waits, longRequestLimits.waits, 'TUREEN_TOO_MANY_WAITS')
  })
})

function countOne(
  request: FastifyRequest,
  reply: FastifyReply,
  counts: ClientCounts,
  most: number,
  code: Extract<ErrorCode, 'TUREEN_TOO_MANY_STREAMS' | 'TUREEN_TOO_MANY_WAITS'>,
): void {
  if (counts.of(request) < most) {
    counts.add(request, reply)
    return
  }
  const [field, what, advice] =
    code === 'TUREEN_TOO_MANY_STREAMS'
      ? ['events', 'streams of events', 'Close one, or ask for the job']
      : ['wait', 'requests that wait for a job', 'Let one end, or ask without ?wait']
  const message = `has ${counts.of(request)} ${what} open, and may have ${most} at most`
  throw new TureenError(code, `${clientName(request)} ${message}. ${advice}.`, [
    { field, expected: `${most} ${what} at most`, actual: `${counts.of(request)}`, message },
  ])
}
