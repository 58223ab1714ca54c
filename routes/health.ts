import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { health } from '../schemas/service.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { type Readiness, readinessErrors } from '../src/storage/readiness.ts'

/**
 * Routes for liveness and readiness, also at the paths of the Open Inference Protocol. Liveness means that the process answers; readiness
 * means that the catalog and the content directory answer, too.
 */
export const healthRoutes: FastifyPluginAsyncZod<{ readiness: Readiness }> = async (app, { readiness }) => {
  const config = { auth: 'open' as const, anyHost: true, probe: true }
  const live = { '/healthz': 'getLiveness', '/v2/health/live': 'getInferenceLiveness' }
  for (const [url, operationId] of Object.entries(live)) {
    const schema = {
      operationId,
      summary: 'Check liveness',
      description: 'Answers 200 while the process runs.',
      tags: ['service'],
      response: { 200: health, ...problemResponses() },
    }
    app.get(url, { schema, config }, async () => ({ status: 'ok' as const }))
  }
  const ready = { '/readyz': 'getReadiness', '/v2/health/ready': 'getInferenceReadiness' }
  for (const [url, operationId] of Object.entries(ready)) {
    const schema = {
      operationId,
      summary: 'Check readiness',
      description: 'Answers 200 if the catalog and the content directory answer, otherwise 503.',
      tags: ['service'],
      response: { 200: health, ...problemResponses(...readinessErrors) },
    }
    app.get(url, { schema, config }, async () => {
      await readiness.require()
      return { status: 'ok' as const }
    })
  }
}
