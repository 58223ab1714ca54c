import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { watchBodyDigest } from './body-digest.ts'
import type { BodyDrain } from './body-drain.ts'
import { mayHaveBody } from './body-headers.ts'
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

/** `seconds`: the most seconds until a body that is parsed as a whole has arrived. `drain`: reads the rest of an answered body. */
type Options = { progress: BodyProgress; seconds: number; drain: BodyDrain['drain'] }

/**
 * Bounds the time of bodies that are parsed as a whole, and invites them after all checks of the headers. Routes with streamed bodies do
 * both themselves. After the answer it ends the connection, unless the rest of the body arrives within the limits of `drain`.
 */
export const bodyGuard = fastifyPlugin<Options>(async (app, { progress, seconds, drain }) => {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response)
    app.server.emit('request', request, response)
  })
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.once('finish', () => {
      if (!request.complete) void drain(request).then(() => endUnlessComplete(request))
    })
  })
  app.addHook('preParsing', async (request, { raw: response }, payload) => {
    const { raw, mediaType, server, routeOptions } = request
    const { config, bodyLimit } = routeOptions
    const read = () => parsedBody(request, progress, seconds * 1000)
    if (!mayHaveBody(raw)) describeNoBody(raw)
    else if (config.streamedBody || Number(raw.headers['content-length'] ?? 0) > bodyLimit) return payload
    else if (mediaType && server.hasContentTypeParser(mediaType)) {
      inviteBody(request)
      const body = Readable.from(read(), { objectMode: false })
      // Fastify leaves a body that is too large as it is.
      response.once('close', () => body.destroy())
      return body
    } else if (raw.headers['content-length'] === undefined && !isRefusedUnread(raw)) {
      inviteBody(request)
      if (await isEmpty(read())) describeNoBody(raw)
    }
    return payload
  })
})

/** True if the body has a content type that the route does not take, and the client asks before it sends it. */
function isRefusedUnread(request: IncomingMessage): boolean {
  return request.headers['content-type'] !== undefined && waiting.has(request)
}

/** Removes the headers that describe a body: a request without one needs no content type, and may have any. */
function describeNoBody({ headers }: IncomingMessage): void {
  delete headers['content-type']
  delete headers['transfer-encoding']
}

/** Reads the beginning of a body that the server refuses unless it is empty. */
async function isEmpty(body: AsyncGenerator<Uint8Array>): Promise<boolean> {
  const { done = false } = await body.next()
  await body.return(undefined)
  return done
}

async function* parsedBody(
  request: FastifyRequest,
  progress: BodyProgress,
  milliseconds: number,
): AsyncGenerator<Uint8Array> {
  const digest = watchBodyDigest(request)
  const { signal, stop } = progress.watch(request.raw, milliseconds)
  try {
    yield* byteMeter(Number.POSITIVE_INFINITY, signal)(request.raw)
  } finally {
    stop()
  }
  digest.verify()
}

function endUnlessComplete({ complete, socket }: IncomingMessage): void {
  if (!complete) socket.destroy()
}
