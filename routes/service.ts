import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type Usage, usage } from '../schemas/service.ts'
import { problemResponses } from '../src/http/openapi.ts'
import type { StoreUsage } from '../src/storage/usage.ts'

const tags = ['service']

type Options = {
  readUsage: () => Promise<StoreUsage>
  verification: () => Usage['verification']
  limits: Usage['limits']
  isolation: Usage['isolation']
}

/** The route that shows usage and limits (`/v1/usage`). */
export const serviceRoutes: FastifyPluginAsyncZod<Options> = async (
  app,
  { readUsage, verification, limits, isolation },
) => {
  app.get(
    '/v1/usage',
    {
      schema: {
        operationId: 'getUsage',
        summary: 'Get usage and limits',
        description:
          'The token of the request, records, files, bytes, jobs, free space, the last verification, the isolation of models that run, and the limits of this server.',
        tags,
        response: { 200: usage, ...problemResponses() },
      },
    },
    async ({ token }) => {
      const { catalog, leases: _, ...store } = await readUsage()
      const count = (status: string) =>
        (catalog?.jobs ?? []).filter(each => each.status === status).reduce((sum, { records }) => sum + records, 0)
      const jobs = {
        queued: count('queued'),
        running: count('running'),
        waiting: count('waiting'),
        succeeded: count('succeeded'),
        failed: count('failed'),
        cancelled: count('cancelled'),
      }
      return {
        token: token && { name: token.name, scope: token.scope },
        models: catalog?.models ?? null,
        datasets: catalog?.datasets ?? null,
        jobs: catalog && jobs,
        scores: catalog?.scores ?? null,
        ...store,
        verification: verification(),
        isolation,
        limits,
      }
    },
  )
}
