import fastifyPlugin from 'fastify-plugin'
import { connectionArrived, ownTurn, shortTurn } from '../own-turn.ts'

/**
 * Gives every request its own turn of the event loop to begin, another to validate its body, and another to write its answer as JSON: each
 * may take some milliseconds. Health probes are small and wait for no turn, so that they pass hundreds of simultaneous requests.
 */
export const turns = fastifyPlugin(async app => {
  app.server.on('connection', connectionArrived)
  app.addHook('onRequest', async ({ routeOptions }, { raw: response }) => {
    if (routeOptions.config.probe) return
    await shortTurn()
    // If the client has disconnected meanwhile, this promise never resolves and the request never runs.
    if (response.destroyed) await new Promise(() => undefined)
  })
  app.addHook('preValidation', async ({ body }) => {
    if (body !== undefined && body !== null) await ownTurn()
  })
  app.addHook('preSerialization', async ({ routeOptions }, _, payload) => {
    if (!routeOptions.config.probe) await ownTurn()
    return payload
  })
})
