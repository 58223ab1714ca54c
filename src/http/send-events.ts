import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { JobEvent } from '../jobs/job-records.ts'
import type { JobService } from '../jobs/job-service.ts'
import { clientGone, jobText } from './job-replies.ts'

/**
 * Sends a job's events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). The headers go out at once,
 * and a comment whenever the job is silent.
 */
export async function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  jobs: JobService,
  id: string,
): Promise<FastifyReply> {
  await jobs.get(id)
  if (request.method === 'HEAD') return reply.type('text/event-stream').send()
  const last = Number(request.headers['last-event-id'] ?? 0)
  const events = jobs.events(id, Number.isSafeInteger(last) ? last : 0, clientGone(reply))
  const first = await events.next()
  // No event will follow. The status 204 tells an EventSource not to reconnect.
  if (first.done) return reply.code(204).send()
  reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
  return reply.send(Readable.from(eventStream(events, jobs, id)))
}

async function* eventStream(
  events: AsyncGenerator<JobEvent | null>,
  jobs: JobService,
  id: string,
): AsyncGenerator<string> {
  // Node sends the headers with the first piece, also if it is empty.
  yield ''
  for await (const event of events) yield* eventText(event, jobs, id)
}

async function* eventText(event: JobEvent | null, jobs: JobService, id: string): AsyncGenerator<string> {
  if (!event) return yield ': \n\n'
  const head = `id: ${event.sequence}\nevent: ${event.type}\ndata: `
  if (event.type !== 'done') return yield `${head}${event.data}\n\n`
  yield head
  yield* jobText(jobs, await jobs.get(id), '\n\n')
}
