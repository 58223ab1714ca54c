import fastifyPlugin from 'fastify-plugin'
import { ownTurn } from '../own-turn.ts'

/**
 * Gives every request its own turn of the event loop to validate its body, and another to write its answer as JSON: each may take
 * some milliseconds. Health probes are small and wait for no turn.
 */
export const turns = fastifyPlugin(async app => {
  app.addHook('preValidation', async ({ body }) => {
    if (body !== undefined && body !== null) await ownTurn()
  })
  app.addHook('preSerialization', async ({ routeOptions }, _, payload) => {
    if (!routeOptions.config.probe) await ownTurn()
    return payload
  })
})
