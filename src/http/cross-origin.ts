import cors from '@fastify/cors'
import fastifyPlugin from 'fastify-plugin'
import { answerHeaders } from './answer-headers.ts'

/**
 * Answers preflights and adds CORS headers for the given origins; without origins it does nothing. Register it before the routes are
 * collected.
 */
export const crossOrigin = fastifyPlugin<{ corsOrigins: readonly string[] }>(async (app, { corsOrigins }) => {
  if (corsOrigins.length === 0) return
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: Object.keys(answerHeaders).map(name => name.toLowerCase()),
    strictPreflight: false,
  })
})
