import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
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

/**
 * Bodies that are parsed as a whole are invited once all else is in order, and given up when they stand still. Those that are
 * read as streams are the business of their routes.
 */
export const bodyGuard = fastifyPlugin<{ idleMilliseconds: number }>(async (app, { idleMilliseconds }) => {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response)
    app.server.emit('request', request, response)
  })
  app.addHook('preParsing', async (request, _, payload) => {
    const { config, bodyLimit } = request.routeOptions
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (config.streamedBody || (encoding === undefined && !(Number(length) > 0))) return payload
    if (Number(length ?? 0) > bodyLimit) return payload
    inviteBody(request)
    return Readable.from(byteMeter(Number.POSITIVE_INFINITY, idleMilliseconds)(request.raw), { objectMode: false })
  })
})
