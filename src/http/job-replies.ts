import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { id } from '../../schemas/common.ts'
import { type JobRecord, job } from '../../schemas/job.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { jobErrors } from '../jobs/job-errors.ts'
import type { StoredJob } from '../jobs/job-records.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { KeepWith } from '../storage/database.ts'
import { type Idempotency, idempotencyErrors } from './idempotency.ts'
import { jsonBodyErrors } from './json-body.ts'
import { recordTag } from './preconditions.ts'

/** The reason of all signals of {@link clientGone}. A stack for each of thousands of clients that vanish together would block the event loop. */
const hungUp = new DOMException('The client is gone', 'AbortError')

/** Returns a signal that fires when the answer ends or the client disconnects. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort(hungUp))
  return controller.signal
}

/** The services that routes need to start jobs. */
export type JobStart = { jobs: JobService; idempotency: Idempotency }

/** Error codes that {@link startJob} adds to those of the service that starts the job. */
export const jobStartErrors = [
  ...jsonBodyErrors,
  ...idempotencyErrors,
  ...jobErrors.wait,
] as const satisfies readonly ErrorCode[]

/**
 * Starts a job once for each Idempotency-Key. Answers 202, or 200 if the job ends while the request waits for it. A repeated request
 * waits for the job, too.
 */
export async function startJob(
  request: FastifyRequest,
  reply: FastifyReply,
  { jobs, idempotency }: JobStart,
  wait: number | undefined,
  start: (keep: KeepWith<JobRecord> | undefined) => Promise<JobRecord>,
): Promise<FastifyReply> {
  const kept = await idempotency.once(request, reply, keptJob, {
    receive: async () => request.body,
    identify: body => body,
    discard: async () => undefined,
    resource: created => created.id,
    create: (_, keep) => start(keep),
  })
  const created = 'ended' in kept ? await jobs.get(kept.id) : { job: kept, resultParts: null }
  const isOver = created.job.finishedAt !== null
  const latest = wait && !isOver ? await jobs.wait(kept.id, wait, clientGone(reply)) : created
  const { finishedAt } = latest.job
  if (finishedAt && !isOver) await idempotency.amend(request, { id: kept.id, ended: true })
  reply.code(finishedAt ? 200 : 202).header('location', `/v1/jobs/${kept.id}`)
  return sendJob(request, reply, jobs, latest)
}

/** The outcome of a key of a job: the new job; or only its id once an answer has shown the ended job, which never changes. */
const keptJob = z.union([job, z.object({ id, ended: z.literal(true) })])

/** Sends a job. A large result is streamed from the catalog to the client. */
export function sendJob(
  request: FastifyRequest,
  reply: FastifyReply,
  jobs: JobService,
  stored: StoredJob,
): FastifyReply {
  if (stored.resultParts === null) return reply.send(stored.job)
  reply.type('application/json; charset=utf-8')
  return request.method === 'HEAD' ? reply.send() : reply.send(Readable.from(withEnd(jobs.text(stored), '\n')))
}

/** Returns the entity tag of a job. It leaves out a large result, which never changes. */
export function jobTag({ job, resultParts }: StoredJob): string {
  return recordTag(resultParts === null ? job : { job, resultParts })
}

async function* withEnd(text: AsyncGenerator<string>, end: string): AsyncGenerator<string> {
  yield* text
  yield end
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
  // No event will follow. The status 204 tells an EventSource not to reconnect.
  if (first.done) return reply.code(204).send()
  reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
  return reply.send(Readable.from(eventStream(first.value, events, jobs, id)))
}

type Events = ReturnType<JobService['events']>
type Event = Awaited<ReturnType<Events['next']>>['value']

async function* eventStream(first: Event, events: Events, jobs: JobService, id: string): AsyncGenerator<string> {
  yield* eventText(first, jobs, id)
  for await (const event of events) yield* eventText(event, jobs, id)
}

async function* eventText(event: Event, jobs: JobService, id: string): AsyncGenerator<string> {
  if (!event) return yield ': \n\n'
  const head = `id: ${event.sequence}\nevent: ${event.type}\ndata: `
  if (event.type !== 'done') return yield `${head}${event.data}\n\n`
  yield head
  yield* withEnd(jobs.text(await jobs.get(id)), '\n\n')
}
