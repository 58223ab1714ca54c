import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { BodyProgress } from './body-progress.ts'
import { byteMeter } from './byte-meter.ts'

const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/**
 * Tells a client that waits for permission (Expect: 100-continue) to send its body. Readers of a body call it first; a request that is
 * refused earlier costs the client no upload.
 */
export function inviteBody({ raw }: FastifyRequest): void {
  waiting.get(raw)?.writeContinue()
  waiting.delete(raw)
}

/** `seconds`: the most seconds until a body that is parsed as a whole has arrived. */
type Options = { progress: BodyProgress; seconds: number }

/** Milliseconds that the server still reads a body after its answer. Many clients read the answer only after they have sent all. */
const lingerMilliseconds = 5_000

/**
 * Bounds the time of bodies that are parsed as a whole, and invites them after all checks of the headers. Routes with streamed bodies do
 * both themselves. After the answer it ends the connection if the rest of the body takes longer than {@link lingerMilliseconds}.
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

/** Ends the connection of an answered request, unless the rest of its body arrives within {@link lingerMilliseconds}. */
function endLater(request: IncomingMessage): void {
  const end = () => {
    if (!request.complete) request.socket.destroy()
  }
  const timer = setTimeout(end, lingerMilliseconds).unref()
  request.once('close', () => clearTimeout(timer))
}
