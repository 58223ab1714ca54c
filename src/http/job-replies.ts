import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type JobRecord, job } from '../../schemas/job.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { KeepWith } from '../storage/database.ts'
import type { Idempotency } from './idempotency.ts'

/** A signal that fires when the client is gone. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}

/** What routes that start jobs work with. */
export type JobStart = { jobs: JobService; idempotency: Idempotency }

/**
 * Starts a job, once for each Idempotency-Key, and answers 202, or 200 if it ends while the request waits for it. A request that
 * is repeated waits, too.
 */
export async function startJob(
  request: FastifyRequest,
  reply: FastifyReply,
  { jobs, idempotency }: JobStart,
  wait: number | undefined,
  start: (keep: KeepWith<JobRecord> | undefined) => Promise<JobRecord>,
): Promise<FastifyReply> {
  const created = await idempotency.once(request, reply, job, {
    receive: async () => request.body,
    identify: body => body,
    discard: async () => undefined,
    resource: created => created.id,
    create: (_, keep) => start(keep),
  })
  const isOver = created.finishedAt !== null
  const latest = wait && !isOver ? await jobs.wait(created.id, wait, clientGone(reply)) : created
  if (latest.finishedAt && !isOver) await idempotency.amend(request, latest)
  return reply
    .code(latest.finishedAt ? 200 : 202)
    .header('location', `/v1/jobs/${latest.id}`)
    .send(latest)
}

/** Sends a job's events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
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
  // Nothing will come any more: 204 is how a server tells an EventSource not to reconnect.
  if (first.done) return reply.code(204).send()
  reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
  return reply.send(Readable.from(eventStream(first.value, events)))
}

type Events = ReturnType<JobService['events']>
type Event = Awaited<ReturnType<Events['next']>>['value']

async function* eventStream(first: Event, events: Events): AsyncGenerator<string> {
  yield eventText(first)
  for await (const event of events) yield eventText(event)
}

function eventText(event: Event): string {
  return event ? `id: ${event.sequence}\nevent: ${event.type}\ndata: ${event.data}\n\n` : ': \n\n'
}
