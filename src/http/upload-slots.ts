import fastifyPlugin from 'fastify-plugin'
import { TureenError } from '../errors.ts'

/** Refuses uploads beyond `maximumUploads` at a time, before anything of the body is read. An upload lasts until it is answered. */
export const uploadSlots = fastifyPlugin<{ maximumUploads: number }>(async (app, { maximumUploads }) => {
  let running = 0
  app.addHook('onRequest', async ({ raw, routeOptions }, reply) => {
    // Of a client that is gone already no further close is heard.
    if (!routeOptions.config.streamedBody || raw.socket.destroyed) return
    if (running >= maximumUploads)
      throw new TureenError(
        'TUREEN_TOO_MANY_UPLOADS',
        `The server takes ${maximumUploads} uploads at a time (TUREEN_MAX_UPLOADS), and as many are running. Try again in a moment.`,
      )
    running += 1
    reply.raw.once('close', () => {
      running -= 1
    })
  })
})
