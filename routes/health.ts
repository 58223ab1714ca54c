import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { health } from '../schemas/service.ts'
import { problemResponses } from '../src/http/openapi.ts'

/** Liveness and readiness, also at the paths of the Open Inference Protocol. The server listens only once it is ready. */
export const healthRoutes: FastifyPluginAsyncZod = async app => {
  for (const url of ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready']) {
    const schema = {
      summary: 'Whether the server is up',
      tags: ['service'],
      response: { 200: health, ...problemResponses() },
    }
    app.get(url, { schema, config: { auth: 'open' } }, async () => ({ status: 'ok' as const }))
  }
}
