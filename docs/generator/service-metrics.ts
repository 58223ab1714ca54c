import { createMetrics } from '../../src/http/metrics.ts'
import { code, page, table } from './markdown.ts'

/** Returns the page of all service metrics, except for those of Node and of the process. */
export function serviceMetricsPage(): string {
  const rows = createMetrics()
    .list()
    .filter(({ name }) => name.startsWith('tureen_'))
    .map(({ name, type, labels, overServers, help }) => [
      code(name),
      type,
      labels.map(code).join(', '),
      overServers,
      `${help}.`,
    ])
  return page(
    'Service metrics',
    '`GET /metrics` answers in the text format of Prometheus. Labels hold route templates, job types, states and error codes, never IDs or ' +
      'paths that a client has sent. `nodejs_*` and `process_*` describe the event loop, memory, processor time and open files.',
    '`over servers` says how to combine the values of several servers that share a store. Counters and histograms count what one server has ' +
      'done: take the sum of their `rate`. A gauge with `max` describes the store, and is the same on each server.',
    table(['metric', 'type', 'labels', 'over servers', 'meaning'], rows),
  )
}
