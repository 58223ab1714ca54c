import { h } from 'preact'
import type { DatasetItem } from '../../schemas/dataset.ts'
import { curlCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText } from '../numbers.ts'
import { ListFilters, listQuery } from '../parts/list-filters.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { Pager } from '../parts/pager.ts'
import { SameAs } from '../parts/same-as.ts'
import { Labels, Table, type TableColumn } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { UploadArea } from '../parts/upload-area.ts'
import { Link, viewUrl } from '../routing.ts'
import { mayWrite } from '../session.ts'

const fields = ['name', 'label', 'sort'] as const

const columns: readonly TableColumn[] = [
  { title: 'Data set' },
  { title: 'Samples', isNumber: true },
  { title: 'Size', isNumber: true },
  { title: 'Arrays', isMinor: true },
  { title: 'Created', isMinor: true },
]

/** The list of data sets. */
export function DatasetsView({ query }: { query: URLSearchParams }) {
  const { filters, cursor, parameters, text } = listQuery(query, fields)
  const load = (signal: AbortSignal) => client.listDatasets(parameters, { signal })
  const { value: page, error, isLoading } = useLoaded(`datasets ${text}`, load)
  return html`<h1 tabindex="-1">Data sets</h1>
    ${mayWrite() && h(UploadArea, { what: 'data sets', accept: '.npz', example: 'data.npz', path: '/v1/datasets?name=data' })}
    ${h(ListFilters, { key: text, path: '/datasets', fields, filters })}
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the data sets.</p>`}
    ${page?.items.length === 0 && html`<p>There are no such data sets. Upload an .npz file with arrays of samples and targets.</p>`}
    ${
      page &&
      page.items.length > 0 &&
      h(Table, {
        caption: 'Data sets',
        columns,
        rows: page.items.map(item => ({ key: item.id, cells: cellsOf(item) })),
      })
    }
    ${page && h(Pager, { path: '/datasets', query: filters, cursor, nextCursor: page.nextCursor })}
    ${h(SameAs, { what: 'this list', commands: { curl: curlCommand(`/v1/datasets${text}`) } })}`
}

function cellsOf(item: DatasetItem) {
  const link = h(Link, { href: viewUrl(`/datasets/${item.id}`) }, item.name ?? item.id)
  if ('unreadable' in item) return [html`${link}<p class="faint">${item.unreadable}</p>`]
  const { labels, samples, bytes, arrays, createdAt } = item
  return [
    html`${link} ${h(Labels, { labels })}`,
    countText(samples),
    bytesText(bytes),
    arrays.map(({ name }) => name).join(', '),
    timeOf(createdAt),
  ]
}
