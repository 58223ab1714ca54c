import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type JobItem, jobStatus, jobType } from '../../schemas/job.ts'
import type { StoreUsage } from '../storage/usage.ts'
import type { MergeReport } from '../threads/merge-task.ts'

/** One request that is over. `route` is the template of its path, `status` null if it was never answered. */
export type ServedRequest = { route: string | undefined; method: string; status: number | null; seconds: number }

/** What is counted, and how Prometheus is told of it. Labels have few values each, all of them the server's own. */
export type Metrics = {
  contentType: string
  requestServed(request: ServedRequest): void
  jobEnded(job: JobItem): void
  merged(report: Pick<MergeReport, 'bytesRead' | 'bytesWritten'>): void
  received(bytes: number): void
  evaluatorStarted(): void
  /** `code`: of the error that ended it; null if it was ended because it was no longer needed. */
  evaluatorEnded(code: string | null): void
  /** The server has ended a connection, or refused one. */
  connectionEnded(reason: ConnectionEnd): void
  /** Content was read and is not what was stored. */
  contentDamaged(): void
  /** The background verification has read a file; `damage` is null if it is sound. */
  contentVerified(verified: { bytes: number; damage: string | null }): void
  /** All metrics as text; `usage` is what those of the store are to say. Those of a part that cannot be read are left out. */
  expose(usage: StoreUsage): Promise<string>
  /** The metrics of the service itself, without those of Node and the process, in the order of their definition. */
  list(): readonly MetricDescription[]
}

/** Why the server ended a connection: its client was slow, it was idle and made room for another, or there was no room for it. */
export type ConnectionEnd = 'slow' | 'idle' | 'full'

/** A metric as documentation shows it. */
export type MetricDescription = {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
}

const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const jobSeconds = [0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400]

/** Metrics of one server, with those of its process and event loop. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const list: MetricDescription[] = []
  const described = (type: MetricDescription['type'], name: string, help: string, labels: readonly string[]) => {
    list.push({ name, help, type, labels })
    return { name, help, registers }
  }
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ ...described('counter', name, help, labelNames), labelNames })
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ ...described('gauge', name, help, labelNames), labelNames })
  const histogram = <Label extends string>(name: string, help: string, buckets: number[], labelNames: Label[]) =>
    new Histogram({ ...described('histogram', name, help, labelNames), buckets, labelNames })

  const requests = counter('tureen_http_requests_total', 'Requests by route, method and status of the answer', [
    'route',
    'method',
    'status',
  ])
  const requestDuration = histogram(
    'tureen_http_request_duration_seconds',
    'Time from a request to the end of its answer',
    requestSeconds,
    ['route', 'method'],
  )
  const uploaded = counter('tureen_upload_bytes_total', 'Bytes of files that were received whole')
  const jobDuration = histogram(
    'tureen_job_duration_seconds',
    'Time from the start of a job to its end, by how it ended',
    jobSeconds,
    ['type', 'status'],
  )
  const jobFailures = counter('tureen_job_failures_total', 'Jobs that failed, by the code of the error', [
    'type',
    'code',
  ])
  const mergeRead = counter(
    'tureen_merge_read_bytes_total',
    'Bytes of models read to make soups that were kept or sent',
  )
  const mergeWritten = counter('tureen_merge_written_bytes_total', 'Bytes of soups that were kept or sent')
  const evaluatorStarts = counter('tureen_evaluator_starts_total', 'Evaluator processes started')
  const evaluatorExits = counter('tureen_evaluator_exits_total', 'Evaluator processes ended, by the reason', ['reason'])

  const jobs = gauge('tureen_jobs', 'Jobs in the catalog', ['type', 'status'])
  const queueDepth = gauge('tureen_job_queue_depth', 'Jobs that wait to be run')
  const records = gauge('tureen_store_records', 'Records in the catalog', ['kind'])
  const contentFiles = gauge('tureen_store_content_files', 'Files of models and data sets')
  const contentBytes = gauge('tureen_store_content_bytes', 'Bytes of the files of models and data sets')
  const quarantineFiles = gauge('tureen_store_quarantine_files', 'Files that no record refers to, in the quarantine')
  const quarantineBytes = gauge('tureen_store_quarantine_bytes', 'Bytes of the files in the quarantine')
  const freeBytes = gauge('tureen_store_free_bytes', 'Bytes that are free on the volume of the data directory')

  const connections = counter(
    'tureen_connections_ended_total',
    'Connections that the server ended: of a slow client, idle ones that made room for others, or for which there was no room (full)',
    ['reason'],
  )
  const damaged = counter('tureen_content_damaged_total', 'Reads that found content damaged or gone')
  const verifiedFiles = counter('tureen_verified_files_total', 'Files that the background verification has read', [
    'result',
  ])
  const verifiedBytes = counter('tureen_verified_bytes_total', 'Bytes that the background verification has read')
  for (const result of ['sound', 'damaged']) verifiedFiles.inc({ result }, 0)
  const readable = gauge('tureen_store_readable', 'Whether this part of the store can be read: 1 if so, else 0', [
    'part',
  ])

  return {
    list: () => list,
    contentType: registry.contentType,
    requestServed({ route = 'none', method, status, seconds }) {
      requests.inc({ route, method, status: status ?? 'none' })
      requestDuration.observe({ route, method }, seconds)
    },
    jobEnded({ type: named, status, startedAt, finishedAt, error }) {
      const type = named ?? 'unreadable'
      // One that was cancelled in the queue has taken no time.
      const seconds = startedAt && finishedAt ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 : 0
      jobDuration.observe({ type, status }, seconds)
      if (status === 'failed' && error) jobFailures.inc({ type, code: error.code })
    },
    merged({ bytesRead, bytesWritten }) {
      mergeRead.inc(bytesRead)
      mergeWritten.inc(bytesWritten)
    },
    received: bytes => uploaded.inc(bytes),
    evaluatorStarted: () => evaluatorStarts.inc(),
    evaluatorEnded: code => evaluatorExits.inc({ reason: exitReasons.get(code) ?? 'crashed' }),
    connectionEnded: reason => connections.inc({ reason }),
    contentDamaged: () => damaged.inc(),
    contentVerified({ bytes, damage }) {
      verifiedFiles.inc({ result: damage === null ? 'sound' : 'damaged' })
      verifiedBytes.inc(bytes)
    },
    expose({ catalog, content, quarantine, disk }) {
      for (const [part, read] of Object.entries({ catalog, content, disk })) readable.set({ part }, read ? 1 : 0)
      for (const each of [queueDepth, contentFiles, contentBytes, freeBytes]) each.remove()
      jobs.reset()
      records.reset()
      if (catalog) {
        // Those of which there are none, too: a queue that has become empty must say so.
        for (const type of jobType.options) for (const status of jobStatus.options) jobs.set({ type, status }, 0)
        for (const { type, status, records } of catalog.jobs) jobs.set({ type, status }, records)
        const queued = catalog.jobs.filter(({ status }) => status === 'queued')
        queueDepth.set(queued.reduce((sum, each) => sum + each.records, 0))
        for (const kind of ['models', 'datasets', 'scores'] as const) records.set({ kind }, catalog[kind].records)
      }
      if (content) {
        contentFiles.set(content.files)
        contentBytes.set(content.bytes)
      }
      quarantineFiles.set(quarantine.files)
      quarantineBytes.set(quarantine.bytes)
      if (disk) freeBytes.set(disk.freeBytes)
      return registry.metrics()
    },
  }
}

const exitReasons = new Map([
  [null, 'finished'],
  ['TUREEN_EVALUATION_TIMEOUT', 'timeout'],
  ['TUREEN_EVALUATION_MEMORY', 'memory'],
])
