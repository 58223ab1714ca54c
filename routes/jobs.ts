import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idParameter } from '../schemas/common.ts'
import { job, jobFilters, jobPage, jobParameters } from '../schemas/job.ts'
import { clientGone, sendEvents } from '../src/http/job-replies.ts'
import { bodyProblems, problemResponses } from '../src/http/openapi.ts'
import type { JobService } from '../src/jobs/job-service.ts'

const tags = ['jobs']

/** Jobs: what is queued and running, and what has become of it. */
export const jobRoutes: FastifyPluginAsyncZod<{ jobs: JobService }> = async (app, { jobs }) => {
  app.get(
    '/v1/jobs',
    {
      schema: {
        summary: 'List jobs, newest first',
        tags,
        querystring: jobFilters,
        response: { 200: jobPage, ...problemResponses('TUREEN_REQUEST_INVALID') },
      },
    },
    ({ query }) => jobs.list(query),
  )

  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        summary: 'A job; with ?wait, as it is when it ends',
        tags,
        params: idParameter,
        querystring: jobParameters,
        response: {
          200: job,
          202: job.describe('With ?wait: the job has not ended yet'),
          ...problemResponses('TUREEN_REQUEST_INVALID', 'TUREEN_NOT_FOUND'),
        },
      },
    },
    async ({ params, query }, reply) => {
      if (!query.wait) return jobs.get(params.id)
      const found = await jobs.wait(params.id, query.wait, clientGone(reply))
      return reply.code(found.finishedAt ? 200 : 202).send(found)
    },
  )

  app.post(
    '/v1/jobs/:id/cancel',
    {
      schema: {
        summary: 'Cancel a job',
        tags,
        params: idParameter,
        response: {
          202: job,
          ...problemResponses(
            'TUREEN_REQUEST_INVALID',
            'TUREEN_NOT_FOUND',
            'TUREEN_JOB_FINISHED',
            'TUREEN_STORE_FULL',
            ...bodyProblems,
          ),
        },
      },
    },
    async ({ params }, reply) => reply.code(202).send(await jobs.cancel(params.id)),
  )

  app.get(
    '/v1/jobs/:id/events',
    {
      schema: {
        summary: 'Server-sent events: progress, log, done. Last-Event-ID resumes',
        tags,
        params: idParameter,
        response: {
          200: { description: 'A stream of events', content: { 'text/event-stream': { schema: z.string() } } },
          204: z.null().describe('Nothing will come any more'),
          ...problemResponses('TUREEN_REQUEST_INVALID', 'TUREEN_NOT_FOUND'),
        },
      },
    },
    (request, reply) => sendEvents(request, reply, jobs, request.params.id),
  )
}
