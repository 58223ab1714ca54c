import { jobStatus, jobType } from '../../schemas/job.ts'
import { errorCatalogue } from '../../src/error-catalogue.ts'
import { type ConnectionEnd, createMetrics, type MetricDescription } from '../../src/http/metrics.ts'

/**
 * A series as `/metrics` shows it. `labels`: the values of each label that a server can show. `overServers`: how the documentation combines
 * the values of several servers; undefined for metrics of Node.
 */
export type ServedSeries = {
  type: string
  labels: Map<string, Set<string>>
  overServers?: MetricDescription['overServers'] | undefined
}

const connectionEnds: readonly ConnectionEnd[] = ['slow', 'headers', 'idle', 'full']

/** Returns all series of `/metrics` by name, after everything that is counted has happened once, for requests to these routes. */
export async function servedSeries(routes: readonly string[]): Promise<Map<string, ServedSeries>> {
  const metrics = createMetrics()
  for (const route of routes)
    for (const status of [200, 404, 500, null]) metrics.requestServed({ route, method: 'GET', status, seconds: 1 })
  const times = { startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:01Z' }
  for (const type of jobType.options) {
    for (const status of jobStatus.options) metrics.jobEnded({ type, status, ...times })
    for (const code of Object.keys(errorCatalogue))
      metrics.jobEnded({ type, status: 'failed', ...times, error: { code } })
  }
  for (const code of [null, ...Object.keys(errorCatalogue)]) metrics.evaluatorEnded(code)
  for (const reason of connectionEnds) metrics.connectionEnded(reason)
  const usage = {
    catalog: { models: empty, datasets: empty, scores: empty, jobs: [] },
    content: { files: 0, bytes: 0 },
    quarantine: { files: 0, bytes: 0 },
    leases: 0,
    disk: { freeBytes: 0, totalBytes: 0 },
  }
  const series = seriesOf(await metrics.expose(usage))
  for (const { name, overServers } of metrics.list())
    for (const each of [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]) {
      const known = series.get(each)
      if (known) known.overServers = overServers
    }
  return series
}

const empty = { records: 0, bytes: 0 }

/** Returns the series in a text of Prometheus's format. The series of a histogram have the names of its samples. */
function seriesOf(exposition: string): Map<string, ServedSeries> {
  const types = new Map(
    [...exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  )
  const series = new Map<string, ServedSeries>()
  for (const [, name = '', inside = ''] of exposition.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const type = types.get(name) ?? 'histogram'
    const known = series.get(name) ?? { type, labels: new Map<string, Set<string>>() }
    series.set(name, known)
    for (const [, label = '', value = ''] of inside.matchAll(/(\w+)="([^"]*)"/g))
      known.labels.set(label, (known.labels.get(label) ?? new Set()).add(value))
  }
  return series
}
