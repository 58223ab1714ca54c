import { createMetrics } from '../../src/http/metrics.ts'
import { code, page, table } from './markdown.ts'

/** Every metric of the service that Prometheus can scrape, but for those of Node and the process. */
export function serviceMetricsPage(): string {
  const rows = createMetrics()
    .list()
    .filter(({ name }) => name.startsWith('tureen_'))
    .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), `${help}.`])
  return page(
    'Service metrics',
    '`GET /metrics` answers in the text format of Prometheus. Labels hold route templates, job types, states and error codes, never ids or ' +
      'paths that a client made up. `nodejs_*` and `process_*` describe the event loop, memory, processor time and open files.',
    table(['metric', 'type', 'labels', 'meaning'], rows),
  )
}
