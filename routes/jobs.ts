import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { jobFilters, jobHeaders, jobIdParameter, jobItem, jobPage, jobParameters } from '../schemas/job.ts'
import { mistakePage, mistakeParameters } from '../schemas/mistake.ts'
import { answerJob, jobTag, sendJob } from '../src/http/job-replies.ts'
import { jsonBodyErrors } from '../src/http/json-body.ts'
import { deletionResponses, failedJobResponses, problemResponses, recordResponses } from '../src/http/openapi.ts'
import { checkPreconditions } from '../src/http/preconditions.ts'
import { withPublicError } from '../src/http/public-path.ts'
import { sendEvents } from '../src/http/send-events.ts'
import type { EventStream } from '../src/jobs/event-stream.ts'
import type { JobCommands } from '../src/jobs/job-commands.ts'
import { jobErrors } from '../src/jobs/job-errors.ts'
import { type ListMistakes, mistakeErrors } from '../src/jobs/job-mistakes.ts'
import type { JobQueries } from '../src/jobs/job-queries.ts'

const tags = ['jobs']

/** The services of {@link jobRoutes}. */
type JobRouteServices = { commands: JobCommands; queries: JobQueries; stream: EventStream; mistakes: ListMistakes }

/** Routes that list, show, follow, cancel and delete jobs. */
export const jobRoutes: FastifyPluginAsyncZod<JobRouteServices> = async (
  app,
  { commands, queries, stream, mistakes },
) => {
  app.get(
    '/v1/jobs',
    {
      schema: {
        operationId: 'listJobs',
        summary: 'List jobs',
        description: 'Newest or oldest first, filtered by type, status, name, label or creation.',
        tags,
        querystring: jobFilters,
        response: { 200: jobPage, ...problemResponses(...jobErrors.list) },
      },
    },
    async ({ query }) => {
      const { items, nextCursor } = await queries.list(query)
      return { items: items.map(item => withPublicError(item, app.publicPath)), nextCursor }
    },
  )

  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        summary: 'Get a job',
        description:
          'With ?wait, answers when the job ends. With ?fail=http, answers with the error of a failed job. With If-None-Match, answers 304 while the record is unchanged.',
        tags,
        params: jobIdParameter,
        headers: jobHeaders,
        querystring: jobParameters,
        response: {
          200: jobItem,
          202: jobItem.describe('The job that has not ended, with ?wait'),
          ...recordResponses(jobErrors.wait),
          ...failedJobResponses,
        },
      },
    },
    (request, reply) => answerJob(request, reply, queries, request.params.id, request.query),
  )

  app.get(
    '/v1/jobs/:id/mistakes',
    {
      schema: {
        operationId: 'listMistakes',
        summary: 'List the mistakes of a search',
        description:
          'Samples that the winner of a search newly gets right and newly gets wrong against the best single model, in the order of the samples: on test, otherwise on selection. Only for a scoring metric of classes, with one target for each sample. The result of the search has their numbers.',
        tags,
        params: jobIdParameter,
        querystring: mistakeParameters,
        response: { 200: mistakePage, ...problemResponses(...mistakeErrors) },
      },
    },
    ({ params, query }) => mistakes(params.id, query),
  )

  app.delete(
    '/v1/jobs/:id',
    {
      schema: {
        operationId: 'deleteJob',
        summary: 'Delete a job',
        description:
          'The job must have ended. Models that it made stay. With If-Match, answers 412 if the record has changed.',
        tags,
        params: jobIdParameter,
        response: deletionResponses(jobErrors.remove),
      },
    },
    async (request, reply) => {
      await commands.remove(request.params.id, stored => void checkPreconditions(request, jobTag(stored)))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/jobs/:id/cancel',
    {
      schema: {
        operationId: 'cancelJob',
        summary: 'Cancel a job',
        description: 'Ends a queued, running or waiting job at once, without a result.',
        tags,
        params: jobIdParameter,
        response: {
          202: jobItem,
          ...problemResponses(...jsonBodyErrors, ...jobErrors.cancel),
        },
      },
    },
    async (request, reply) => sendJob(request, reply.code(202), queries, await commands.cancel(request.params.id)),
  )

  app.get(
    '/v1/jobs/:id/events',
    {
      schema: {
        operationId: 'getJobEvents',
        summary: 'Stream the events of a job',
        description: 'Server-sent events: progress, log, done. Last-Event-ID resumes the stream.',
        tags,
        params: jobIdParameter,
        response: {
          200: { description: 'An event stream', content: { 'text/event-stream': { schema: z.string() } } },
          204: z.null().describe('No further events: the client has received the last one'),
          ...problemResponses(...jobErrors.events),
        },
      },
      config: { events: true },
    },
    (request, reply) => sendEvents(request, reply, { queries, stream }, request.params.id),
  )
}
