import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventStream } from '../jobs/event-stream.ts'
import type { JobEvent } from '../jobs/job-event-rows.ts'
import type { JobQueries } from '../jobs/job-queries.ts'
import { clientGone, jobText } from './job-replies.ts'
import { withPublicError } from './public-path.ts'

/**
 * Sends a job's events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). The headers go out at once,
 * and a comment whenever the job is silent.
 */
export async function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  { queries, stream }: { queries: JobQueries; stream: EventStream },
  id: string,
): Promise<FastifyReply> {
  await queries.get(id)
  if (request.method === 'HEAD') return reply.type('text/event-stream').send()
  const last = Number(request.headers['last-event-id'] ?? 0)
  const done = async () => {
    const { job, resultParts } = await queries.get(id)
    return jobText(queries, { job: withPublicError(job, request.server.publicPath), resultParts }, '\n\n')
  }
  const events = stream(id, Number.isSafeInteger(last) ? last : 0, clientGone(reply))
  const first = await events.next()
  // No event will follow. The status 204 tells an EventSource not to reconnect.
  if (first.done) return reply.code(204).send()
  reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
  return reply.send(Readable.from(eventText(events, done)))
}

/** Yields the text of events. @param done returns the ended job, as text in pieces */
async function* eventText(
  events: AsyncGenerator<JobEvent | null>,
  done: () => Promise<AsyncGenerator<string>>,
): AsyncGenerator<string> {
  // Node sends the headers with the first piece, also if it is empty.
  yield ''
  for await (const event of events) {
    if (event === null) {
      yield ': \n\n'
      continue
    }
    const head = `id: ${event.sequence}\nevent: ${event.type}\ndata: `
    if (event.type === 'done') {
      yield head
      yield* await done()
    } else yield `${head}${event.data}\n\n`
  }
}
