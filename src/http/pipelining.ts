import type { Socket } from 'node:net'
import fastifyPlugin from 'fastify-plugin'

/** Most requests that wait on one connection. Clients that pipeline requests send a few. */
const mostWaiting = 64

/**
 * Starts a request after the answers to the earlier ones on its connection. Node would start all of them at once. A thousand requests
 * in one packet would open a thousand files and hold their pieces in memory, even if the client reads none.
 */
export const pipelining = fastifyPlugin(async app => {
  const waiting = new WeakMap<Socket, number>()
  app.addHook('onRequest', async ({ raw: { socket } }, { raw: response }) => {
    if (response.socket) return
    const before = waiting.get(socket) ?? 0
    if (before >= mostWaiting) socket.destroy()
    waiting.set(socket, before + 1)
    // If the client disconnects, this promise never resolves and the request never runs.
    await new Promise<void>(resolve => response.once('socket', () => resolve()))
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
  })
})
