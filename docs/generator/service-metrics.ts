import { createMetrics } from '../../src/http/metrics.ts'
import { code, page, table } from './markdown.ts'

/** Returns the page of all service metrics, except for those of Node and of the process. */
export function serviceMetricsPage(): string {
  const rows = createMetrics()
    .list()
    .filter(({ name }) => name.startsWith('tureen_'))
    .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), `${help}.`])
  return page(
    'Service metrics',
    '`GET /metrics` answers in the text format of Prometheus. Labels hold route templates, job types, states and error codes, never IDs or ' +
      'paths that a client has sent. `nodejs_*` and `process_*` describe the event loop, memory, processor time and open files.',
    table(['metric', 'type', 'labels', 'meaning'], rows),
  )
}
