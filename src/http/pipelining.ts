import type { Socket } from 'node:net'
import fastifyPlugin from 'fastify-plugin'

/** Requests that may wait on one connection. Clients that send requests without waiting for answers send a few. */
const mostWaiting = 64

/**
 * Begins a request when those before it on its connection are answered. Node hands all of them over at once: a thousand requests for
 * content in one packet would have a thousand files open, and their pieces in memory, while the client reads none.
 */
export const pipelining = fastifyPlugin(async app => {
  const waiting = new WeakMap<Socket, number>()
  app.addHook('onRequest', async ({ raw: { socket } }, { raw: response }) => {
    if (response.socket) return
    const before = waiting.get(socket) ?? 0
    if (before >= mostWaiting) socket.destroy()
    waiting.set(socket, before + 1)
    // If the client goes, nobody hears of this request again.
    await new Promise<void>(resolve => response.once('socket', () => resolve()))
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
  })
})
