import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { id } from '../../schemas/common.ts'
import { type JobItem, type JobParameters, type JobRecord, job } from '../../schemas/job.ts'
import type { ProblemDocument } from '../../schemas/problem.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { jobErrors } from '../jobs/job-errors.ts'
import type { JobQueries } from '../jobs/job-queries.ts'
import type { StoredJob } from '../jobs/job-records.ts'
import type { KeepWith } from '../storage/database.ts'
import { requireReadable } from '../storage/unreadable.ts'
import { type Idempotency, idempotencyErrors } from './idempotency.ts'
import { jsonBodyErrors } from './json-body.ts'
import { checkPreconditions, recordTag } from './preconditions.ts'
import { problemMediaType } from './problem-details.ts'
import { withPublicError } from './public-path.ts'
import { waitOf } from './waiting.ts'

/** The reason of all signals of {@link clientGone}. A stack for each of thousands of clients that vanish together would block the event loop. */
const hungUp = new DOMException('The client is gone', 'AbortError')

/** Returns a signal that fires when the answer ends or the client disconnects. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort(hungUp))
  return controller.signal
}

/** The services that routes need beside the one that starts a job. */
export type JobStart = { queries: JobQueries; idempotency: Idempotency }

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
  request: FastifyRequest & { query: JobParameters },
  reply: FastifyReply,
  { queries, idempotency }: JobStart,
  start: (keep: KeepWith<JobRecord> | undefined) => Promise<JobRecord>,
): Promise<FastifyReply> {
  const kept = await idempotency.once(request, reply, keptJob, {
    receive: async () => request.body,
    identify: body => body,
    discard: async () => undefined,
    resource: created => created.id,
    create: (_, keep) => start(keep),
  })
  const created = 'ended' in kept ? await queries.get(kept.id) : { job: kept, resultParts: null }
  const isOver = created.job.finishedAt !== null
  const { seconds, headers } = waitOf(request)
  const latest = seconds > 0 && !isOver ? await waitedFor(queries, kept.id, seconds, reply) : created
  const { finishedAt } = latest.job
  if (finishedAt && !isOver) await idempotency.amend(request, { id: kept.id, ended: true })
  reply.code(finishedAt ? 200 : 202).headers({ ...headers, location: `/v1/jobs/${kept.id}` })
  return sendJob(request, reply, queries, latest, request.query)
}

/** Waits until a job ends or `seconds` have passed. If the client disconnects, the promise never resolves: there is nobody to answer. */
async function waitedFor(queries: JobQueries, id: string, seconds: number, reply: FastifyReply): Promise<StoredJob> {
  const gone = clientGone(reply)
  const stored = await queries.wait(id, seconds, gone)
  return gone.aborted ? new Promise(() => undefined) : stored
}

/** The outcome of a key of a job: the new job; or only its id once an answer has shown the ended job, which never changes. */
const keptJob = z.union([job, z.object({ id, ended: z.literal(true) })])

/** Answers with a job, after its end if the request waits for it: 202 if the job has not ended then. */
export async function answerJob(
  request: FastifyRequest,
  reply: FastifyReply,
  queries: JobQueries,
  id: string,
  parameters: JobParameters,
): Promise<FastifyReply> {
  const { seconds, headers } = waitOf(request)
  const stored = seconds > 0 ? await waitedFor(queries, id, seconds, reply) : await queries.get(id)
  reply.headers(headers)
  if (seconds > 0 && stored.job.finishedAt === null) return sendJob(request, reply.code(202), queries, stored)
  return sendJob(request, reply, queries, stored, parameters, jobTag(stored))
}

/**
 * Sends a job with the header `Tureen-Job-Status`; with `fail=http`, the error of a failed job instead. A large result is streamed from the
 * catalog to the client.
 * @param tag the entity tag of the job, if the request may have preconditions
 */
export function sendJob(
  request: FastifyRequest,
  reply: FastifyReply,
  queries: JobQueries,
  stored: StoredJob,
  parameters: JobParameters = {},
  tag?: string,
): FastifyReply {
  const { resultParts } = stored
  const job = withPublicError(stored.job, request.server.publicPath)
  reply.header('tureen-job-status', job.status)
  const error = parameters.fail === 'http' ? errorOf(job) : undefined
  if (error)
    return reply
      .code(error.status)
      .type(problemMediaType)
      .send({ ...error, requestId: request.id })
  if (tag !== undefined) {
    reply.header('etag', tag)
    if (checkPreconditions(request, tag)) return reply.code(304).send()
  }
  if (resultParts === null) return reply.send(job)
  reply.type('application/json; charset=utf-8')
  return request.method === 'HEAD'
    ? reply.send()
    : reply.send(Readable.from(jobText(queries, { job, resultParts }, '\n')))
}

/** Returns the error of a failed or cancelled job. @throws TureenError `TUREEN_RECORD_UNREADABLE` if the record of a failed job is damaged */
function errorOf(job: JobItem): ProblemDocument | undefined {
  if (job.error || job.status !== 'failed') return job.error
  return requireReadable({ job: job.id }, job).error
}

/** Returns the entity tag of a job. It leaves out a large result, which never changes. */
export function jobTag({ job, resultParts }: StoredJob): string {
  return recordTag(resultParts === null ? job : { job, resultParts })
}

/** Yields the JSON text of a job in pieces, and then `end`. */
export async function* jobText(queries: JobQueries, stored: StoredJob, end: string): AsyncGenerator<string> {
  yield* queries.text(stored)
  yield end
}
