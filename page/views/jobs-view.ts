import { h } from 'preact'
import type { JobListItem } from '../../schemas/job.ts'
import { curlCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { numberText } from '../numbers.ts'
import { hasEnded, StatusWord } from '../parts/job-status.ts'
import { ListFilters, listQuery } from '../parts/list-filters.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { Pager } from '../parts/pager.ts'
import { SameAs } from '../parts/same-as.ts'
import { Labels, Table, type TableColumn } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { Link, viewUrl } from '../routing.ts'

const fields = ['type', 'status', 'label'] as const

/** Seconds between two looks at the list. A job itself is followed by its events. */
const pollSeconds = 3

const columns: readonly TableColumn[] = [
  { title: 'Job' },
  { title: 'Status' },
  { title: 'Progress', isMinor: true },
  { title: 'Result', isMinor: true },
  { title: 'Created', isMinor: true },
]

/** The list of jobs, newest first. It loads again by itself. */
export function JobsView({ query }: { query: URLSearchParams }) {
  const { filters, cursor, parameters, text } = listQuery(query, fields)
  const load = (signal: AbortSignal) => client.listJobs(parameters, { signal })
  const { value: page, error, isLoading } = useLoaded(`jobs ${text}`, load, pollSeconds)
  return html`<h1 tabindex="-1">Jobs</h1>
    ${h(ListFilters, { key: text, path: '/jobs', fields, filters })}
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the jobs.</p>`}
    ${page?.items.length === 0 && html`<p>There are no such jobs. Merges, comparisons, searches and evaluations are jobs.</p>`}
    ${
      page &&
      page.items.length > 0 &&
      h(Table, {
        caption: 'Jobs, newest first',
        columns,
        rows: page.items.map(item => ({ key: item.id, cells: cellsOf(item) })),
      })
    }
    ${page && h(Pager, { path: '/jobs', query: filters, cursor, nextCursor: page.nextCursor })}
    ${h(SameAs, { what: 'this list', commands: { curl: curlCommand(`/v1/jobs${text}`) } })}`
}

function cellsOf(job: JobListItem) {
  const { id, type, status, progress, labels, createdAt } = job
  const title = `${type ?? 'job'}${'name' in job && job.name !== null ? ` of ${job.name}` : ''}`
  return [
    html`${h(Link, { href: viewUrl(`/jobs/${id}`) }, `${title} ${id.slice(-6)}`)} ${h(Labels, { labels })}`,
    h(StatusWord, { status }),
    progress && progress.total > 0 && !hasEnded(status)
      ? `${Math.floor((progress.done / progress.total) * 100)} %`
      : '',
    resultOf(job),
    timeOf(createdAt),
  ]
}

function resultOf(job: JobListItem) {
  if (job.error) return job.error.title
  if (!('search' in job) || job.search === undefined) return ''
  return `score ${numberText(job.search.score)} after ${job.search.candidates} candidates`
}
