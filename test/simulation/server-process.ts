import type { AsyncLocalStorage } from 'node:async_hooks'
import pino, { type Logger } from 'pino'
import { jobType } from '../../schemas/job.ts'
import { createDatasetStore } from '../../src/datasets/dataset-store.ts'
import { createIdempotency } from '../../src/http/idempotency.ts'
import { sharedEvents } from '../../src/jobs/cluster/shared-events.ts'
import { sharedQueue } from '../../src/jobs/cluster/shared-queue.ts'
import { embeddedEvents } from '../../src/jobs/embedded-events.ts'
import { embeddedQueue } from '../../src/jobs/embedded-queue.ts'
import { jobEnder } from '../../src/jobs/end-job.ts'
import { createEventStream } from '../../src/jobs/event-stream.ts'
import { createJobCommands } from '../../src/jobs/job-commands.ts'
import { createJobExecutor } from '../../src/jobs/job-executor.ts'
import { createJobQueries } from '../../src/jobs/job-queries.ts'
import type { JobQueue } from '../../src/jobs/job-queue.ts'
import type { RunnableJobTypes } from '../../src/jobs/job-runner.ts'
import { statusWriter } from '../../src/jobs/until-written.ts'
import { localBusyKeys } from '../../src/storage/busy-keys.ts'
import { startServerHolds } from '../../src/storage/cluster/server-holds.ts'
import { sharedClaims } from '../../src/storage/cluster/shared-claims.ts'
import { sharedBusyKeys } from '../../src/storage/cluster/shared-requests.ts'
import { createContents } from '../../src/storage/contents.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { createIdempotencyKeys } from '../../src/storage/idempotency-keys.ts'
import { catalogPool } from '../../src/storage/postgres/database-pool.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import type { Reserve } from '../../src/storage/reserve.ts'
import type { SharedParts } from './shared-parts.ts'
import { streamOf } from './simulated-bucket.ts'
import { simulatedEntries } from './simulated-entries.ts'
import { simulatedRunner } from './simulated-runner.ts'
import type { Actor } from './virtual-time.ts'

/** What a server does: see {@link startProcess}. */
export type ServerRole = 'alone' | 'api' | 'worker'

/** A server of a cluster. Everything above its ports is the product's own code. */
export type ServerProcess = Awaited<ReturnType<typeof startProcess>>

/** The claim under which work runs: the job, and the time of its start in the job's row. */
export type WorkingClaim = { id: string; startedAt: string }

/** The disk is never full. */
const reserve: Reserve = {
  async lend(free, clear = async () => undefined) {
    const freed = await free()
    await clear(freed)
    return freed
  },
  renew: async () => undefined,
}

const limits = { concurrency: 2, maximumQueued: 100, idempotencySeconds: 3600, takeoverSeconds: 10 }

/** Milliseconds that content without a record stays in the bucket. A server that has its store alone does not know of requests before it. */
export const graceMilliseconds = { alone: 1_200_000, shared: 26_000 }

/** Milliseconds of silence after which a server is dead for others. They are fewer than in the product, so that more servers are. */
export const silentMilliseconds = 24_000

/** Returns what holds across the servers of a store. */
async function shareStorage(catalog: Catalog, beats: Catalog, log: Logger) {
  const holds = await startServerHolds(catalog, log, silentMilliseconds, beats)
  return { holds, busyKeys: sharedBusyKeys(holds), ...sharedClaims(catalog, holds, 0) }
}

/**
 * Starts a server, as a part of its actor.
 * @param role `alone`: it has the store alone; `api` and `worker` share it with others
 * @throws TureenError `TUREEN_CATALOG_UNAVAILABLE`
 */
export async function startProcess(parts: SharedParts, actor: Actor, role: ServerRole) {
  const isShared = role !== 'alone'
  const { time, random, claims } = parts
  const log = logInto(parts, actor.name)
  const catalog = catalogIn(catalogPool(parts.databaseServer.pool(actor, random.integer(2, 10))))
  const beats = catalogIn(catalogPool(parts.databaseServer.pool(actor, 1)))
  const sharing = isShared ? await shareStorage(catalog, beats, log) : undefined
  const closing = new AbortController()
  const { content, contentFiles } = parts.bucket.connect(actor, {
    removeUnneeded: sharing?.removeUnneeded,
    graceMilliseconds: sharing ? graceMilliseconds.shared : graceMilliseconds.alone,
  })
  const contents = createContents(
    catalog,
    { content, contentFiles },
    reserve,
    sharing ? { claims: sharing.claims, isChecked: true } : {},
  )
  const description = { kind: 'npz' as const, samples: 1, arrays: [] }
  const datasets = createDatasetStore(
    catalog,
    contentFiles,
    contents,
    { dataset: async () => description },
    () => undefined,
  )
  const keys = createIdempotencyKeys(catalog, limits.idempotencySeconds, Date.now)
  const notifications = parts.notifications.connect(actor)
  const events = isShared ? sharedEvents({ catalog, notifications, closing: closing.signal, log }) : embeddedEvents()
  const end = jobEnder(null)
  const untilWritten = statusWriter(log, closing.signal)
  const services = { catalog, reserve, events, end, untilWritten, log }
  const observer = { jobEnded: () => undefined, jobCutOff: () => undefined }
  const entries = simulatedEntries(catalog, time.now, 1000 * limits.takeoverSeconds)
  const settings = { types: jobType.options, heartbeatSeconds: 1, takeoverSeconds: limits.takeoverSeconds }
  const { concurrency } = limits
  const embedded = () => embeddedQueue(services, concurrency, observer)
  const shared = () => sharedQueue({ ...services, beats, entries, notifications }, concurrency, settings, observer)
  const queue = withClaims(isShared ? shared() : embedded(), claims)
  const queries = createJobQueries(catalog, events, closing.signal)
  const runner = simulatedRunner(parts, { actor, catalog, datasets, contents, contentFiles, content })
  const types: RunnableJobTypes = {
    comparison: { runner },
    merge: { runner: notSimulated },
    evaluation: { runner: notSimulated },
    search: { runner: notSimulated },
    export: { runner: notSimulated },
    conversion: { runner: notSimulated },
  }
  const executor = createJobExecutor({ ...services, queue, types }, () => undefined)
  const process = {
    actor,
    role,
    content,
    contents,
    datasets,
    receive: (text: string) => contentFiles.receive(streamOf(text)),
    discard: contentFiles.discard,
    idempotency: createIdempotency(keys, sharing?.busyKeys ?? localBusyKeys()),
    commands: createJobCommands({ ...services, queue }, limits.maximumQueued, () => undefined),
    queries,
    stream: createEventStream(catalog, events, queries, closing.signal),
    /** Stops the process as SIGTERM does. */
    async stop() {
      closing.abort()
      await executor.close()
      await sharing?.holds.close()
    },
  }
  const start = async () => {
    await contents.sweep(closing.signal).catch(() => undefined)
    if (role !== 'api') await executor.start()
  }
  void start()
  return process
}

async function notSimulated(): Promise<void> {
  throw new Error('the simulation runs comparisons only')
}

/** Returns a queue whose work knows the claim under which it runs. */
function withClaims(queue: JobQueue, claims: AsyncLocalStorage<WorkingClaim>): JobQueue {
  return {
    ...queue,
    work: run => queue.work(claim => claims.run(claim, () => run(claim))),
  }
}

function logInto({ trace, violated }: SharedParts, name: string): Logger {
  const write = (line: string) => {
    const { msg, err, jobId } = JSON.parse(line)
    trace(`${name} logs: ${msg} ${jobId ?? ''} ${err?.message ?? ''}`)
    if (/unexpected/.test(msg)) violated(`${name} logs an unexpected error: ${err?.stack}`)
  }
  return pino({ level: 'warn' }, { write })
}
