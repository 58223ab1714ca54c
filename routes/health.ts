import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { health } from '../schemas/service.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { Readiness } from '../src/storage/readiness.ts'

/**
 * Liveness and readiness, also at the paths of the Open Inference Protocol. Liveness says that the process answers; readiness asks the
 * catalog and the directory of content.
 */
export const healthRoutes: FastifyPluginAsyncZod<{ readiness: Readiness }> = async (app, { readiness }) => {
  const config = { auth: 'open' as const, anyHost: true }
  for (const url of ['/healthz', '/v2/health/live']) {
    const schema = {
      summary: 'Whether the server is up',
      tags: ['service'],
      response: { 200: health, ...problemResponses() },
    }
    app.get(url, { schema, config }, async () => ({ status: 'ok' as const }))
  }
  for (const url of ['/readyz', '/v2/health/ready']) {
    const schema = {
      summary: 'Whether the catalog and the directory of content answer; 503 if not',
      tags: ['service'],
      response: { 200: health, ...problemResponses() },
    }
    app.get(url, { schema, config }, async () => {
      await readiness.require()
      return { status: 'ok' as const }
    })
  }
}
