import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type JobItem, jobStatus, jobType } from '../../schemas/job.ts'
import type { StoreUsage } from '../storage/usage.ts'
import type { MergeReport } from '../threads/merge-task.ts'

/** One finished request. `route`: the template of its path; `status`: null if it was never answered; `seconds`: its duration. */
export type ServedRequest = { route: string | undefined; method: string; status: number | null; seconds: number }

/** The fields of an ended job that are counted. `error`: the reason of a failure. */
export type EndedJob = Pick<JobItem, 'type' | 'status' | 'startedAt' | 'finishedAt'> & {
  error?: { code: string } | undefined
}

/** The service metrics, which Prometheus scrapes. Clients cannot add values to labels, so the number of series is bounded. */
export type Metrics = {
  contentType: string
  requestServed(request: ServedRequest): void
  jobEnded(job: EndedJob): void
  /** Counts a job that the death of an earlier process cut off. */
  jobCutOff(type: string): void
  merged(report: Pick<MergeReport, 'bytesRead' | 'bytesWritten'>): void
  received(bytes: number): void
  evaluatorStarted(): void
  /** Counts an ended evaluator. `code`: the code of the error that ended it; null if the server no longer needed it. */
  evaluatorEnded(code: string | null): void
  /** Counts candidates that this server scored for searches of other servers. */
  candidatesHelped(candidates: number): void
  /** Counts a connection that the server ended or refused. */
  connectionEnded(reason: ConnectionEnd): void
  /** Counts a read that found content damaged or missing. */
  contentDamaged(): void
  /** Counts a file that the background verification has read. `damage`: null if the file is sound. */
  contentVerified(verified: { bytes: number; damage: string | null }): void
  /** Tells whether this server looks after its store, or another one that shares it does. */
  sweeps(isSweeper: boolean): void
  /** Returns all metrics as text, those of the store from `usage`. It leaves out the metrics of parts that cannot be read. */
  expose(usage: StoreUsage): Promise<string>
  /** Returns the descriptions of the server's own metrics, in the order of their definition; those of Node are left out. */
  list(): readonly MetricDescription[]
}

/**
 * Reason why the server ended a connection. `slow`: a slow client; `headers`: those of a request did not arrive in time; `idle`: it made
 * room for another; `full`: there was no room for it.
 */
export type ConnectionEnd = 'slow' | 'headers' | 'idle' | 'full'

/**
 * A service metric as the documentation shows it. `overServers`: how Prometheus combines the values of servers that share a store. Those of
 * the store itself are the same on each of them.
 */
export type MetricDescription = {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
  overServers: 'sum' | 'max' | 'min'
}

const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const jobSeconds = [0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400]

/** Returns the service metrics of one server, with those of its process and event loop. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const list: MetricDescription[] = []
  const described = ({ name, help, ...others }: MetricDescription) => {
    list.push({ name, help, ...others })
    return { name, help, registers }
  }
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ ...described({ name, help, type: 'counter', labels: labelNames, overServers: 'sum' }), labelNames })
  const gauge = <Label extends string>(
    overServers: MetricDescription['overServers'],
    name: string,
    help: string,
    labelNames: Label[] = [],
  ) => new Gauge({ ...described({ name, help, type: 'gauge', labels: labelNames, overServers }), labelNames })
  const histogram = <Label extends string>(name: string, help: string, buckets: number[], labelNames: Label[]) =>
    new Histogram({
      ...described({ name, help, type: 'histogram', labels: labelNames, overServers: 'sum' }),
      buckets,
      labelNames,
    })

  const requests = counter('tureen_http_requests_total', 'Requests by route, HTTP method and status of the answer', [
    'route',
    'method',
    'status',
  ])
  const requestDuration = histogram(
    'tureen_http_request_duration_seconds',
    'Seconds from a request to the end of its answer',
    requestSeconds,
    ['route', 'method'],
  )
  const uploaded = counter('tureen_upload_bytes_total', 'Bytes of files that were received completely')
  const jobDuration = histogram(
    'tureen_job_duration_seconds',
    'Seconds from the start of a job to its end, by type and final status',
    jobSeconds,
    ['type', 'status'],
  )
  const jobFailures = counter('tureen_job_failures_total', 'Failed jobs, by type and error code', ['type', 'code'])
  const jobsCutOff = counter(
    'tureen_jobs_cut_off_total',
    'Jobs that were running when an earlier process of the server died, by type',
    ['type'],
  )
  for (const type of jobType.options) jobsCutOff.inc({ type }, 0)
  const mergeRead = counter(
    'tureen_merge_read_bytes_total',
    'Bytes of models that were read for soups that were stored or sent',
  )
  const mergeWritten = counter('tureen_merge_written_bytes_total', 'Bytes of soups that were stored or sent')
  const evaluatorStarts = counter('tureen_evaluator_starts_total', 'Evaluator processes started')
  const evaluatorExits = counter('tureen_evaluator_exits_total', 'Evaluator processes ended, by reason', ['reason'])

  const helped = counter(
    'tureen_helped_candidates_total',
    'Candidates that this server scored for searches of other servers of the store',
  )

  const jobs = gauge('max', 'tureen_jobs', 'Jobs in the catalog, by type and status', ['type', 'status'])
  const queueDepth = gauge('max', 'tureen_job_queue_depth', 'Jobs in the queue')
  const records = gauge('max', 'tureen_store_records', 'Records in the catalog, by kind', ['kind'])
  const contentFiles = gauge('max', 'tureen_store_content_files', 'Files of models and data sets')
  const contentBytes = gauge('max', 'tureen_store_content_bytes', 'Bytes of the files of models and data sets')
  const quarantineFiles = gauge(
    'max',
    'tureen_store_quarantine_files',
    'Files in the quarantine, which no record refers to',
  )
  const quarantineBytes = gauge('max', 'tureen_store_quarantine_bytes', 'Bytes of the files in the quarantine')
  const leased = gauge(
    'sum',
    'tureen_content_leases',
    'Files of content that jobs and requests read, each counted for every reader',
  )
  const freeBytes = gauge('min', 'tureen_store_free_bytes', 'Free bytes on the volume of the data directory')

  const connections = counter(
    'tureen_connections_ended_total',
    'Connections that the server ended, by reason: slow (a slow client), headers (they did not arrive in time), idle (it made room for another) or full (no room for it)',
    ['reason'],
  )
  const damaged = counter('tureen_content_damaged_total', 'Reads that found content damaged or missing')
  const verifiedFiles = counter(
    'tureen_verified_files_total',
    'Files that the background verification has read, by result',
    ['result'],
  )
  const verifiedBytes = counter('tureen_verified_bytes_total', 'Bytes that the background verification has read')
  for (const result of ['sound', 'damaged']) verifiedFiles.inc({ result }, 0)
  const sweeper = gauge(
    'sum',
    'tureen_sweeper',
    '1 if this server deletes expired records and content without a record, 0 if another server of the store does',
  )
  const readable = gauge(
    'min',
    'tureen_store_readable',
    '1 if the server can read this part of the store, otherwise 0',
    ['part'],
  )

  return {
    list: () => list,
    contentType: registry.contentType,
    requestServed({ route = 'none', method, status, seconds }) {
      requests.inc({ route, method, status: status ?? 'none' })
      requestDuration.observe({ route, method }, seconds)
    },
    jobEnded({ type: named, status, startedAt, finishedAt, error }) {
      const type = named ?? 'unreadable'
      // A job that was cancelled in the queue took no time.
      const seconds = startedAt && finishedAt ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 : 0
      jobDuration.observe({ type, status }, seconds)
      if (status === 'failed' && error) jobFailures.inc({ type, code: error.code })
    },
    jobCutOff(named) {
      const { data: type = 'unreadable' } = jobType.safeParse(named)
      jobsCutOff.inc({ type })
    },
    merged({ bytesRead, bytesWritten }) {
      mergeRead.inc(bytesRead)
      mergeWritten.inc(bytesWritten)
    },
    received: bytes => uploaded.inc(bytes),
    evaluatorStarted: () => evaluatorStarts.inc(),
    evaluatorEnded: code => evaluatorExits.inc({ reason: exitReasons.get(code) ?? 'crashed' }),
    candidatesHelped: candidates => helped.inc(candidates),
    connectionEnded: reason => connections.inc({ reason }),
    contentDamaged: () => damaged.inc(),
    contentVerified({ bytes, damage }) {
      verifiedFiles.inc({ result: damage === null ? 'sound' : 'damaged' })
      verifiedBytes.inc(bytes)
    },
    sweeps: isSweeper => sweeper.set(isSweeper ? 1 : 0),
    expose({ catalog, content, quarantine, leases, disk }) {
      for (const [part, read] of Object.entries({ catalog, content, disk })) readable.set({ part }, read ? 1 : 0)
      for (const each of [queueDepth, contentFiles, contentBytes, freeBytes]) each.remove()
      jobs.reset()
      records.reset()
      if (catalog) {
        // Set all combinations: a queue that has become empty must show 0.
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
      leased.set(leases)
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
