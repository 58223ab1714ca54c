import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { BodyProgress } from './body-progress.ts'
import { byteMeter } from './byte-meter.ts'

const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/**
 * Lets a client that asks first (Expect: 100-continue) send its body. Whoever is about to read a body says so; who refuses it
 * before that has spared the client the sending.
 */
export function inviteBody({ raw }: FastifyRequest): void {
  waiting.get(raw)?.writeContinue()
  waiting.delete(raw)
}

/** How a body that is parsed as a whole may arrive: in `seconds` at most. */
type Options = { progress: BodyProgress; seconds: number }

/** How long a client may go on sending a body that has been answered already, so that it comes to read the answer. */
const lingerMilliseconds = 5_000

/**
 * Bodies that are parsed as a whole are invited once all else is in order, and have a time for all of them. Those that are read as
 * streams are the business of their routes. What still comes after the answer has {@link lingerMilliseconds}.
 */
export const bodyGuard = fastifyPlugin<Options>(async (app, { progress, seconds }) => {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response)
    app.server.emit('request', request, response)
  })
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.once('finish', () => {
      if (!request.complete) endLater(request)
    })
  })
  app.addHook('preParsing', async (request, _, payload) => {
    const { config, bodyLimit } = request.routeOptions
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (config.streamedBody || (encoding === undefined && !(Number(length) > 0))) return payload
    if (Number(length ?? 0) > bodyLimit) return payload
    inviteBody(request)
    return Readable.from(parsedBody(request.raw, progress, seconds * 1000), { objectMode: false })
  })
})

async function* parsedBody(request: IncomingMessage, progress: BodyProgress, milliseconds: number) {
  const { signal, stop } = progress.watch(request, milliseconds)
  try {
    yield* byteMeter(Number.POSITIVE_INFINITY, signal)(request)
  } finally {
    stop()
  }
}

/** Ends the connection of a request that has been answered, unless the rest of its body comes in time. */
function endLater(request: IncomingMessage): void {
  const end = () => {
    if (!request.complete) request.socket.destroy()
  }
  const timer = setTimeout(end, lingerMilliseconds).unref()
  request.once('close', () => clearTimeout(timer))
}
