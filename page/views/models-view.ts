import { h } from 'preact'
import type { ModelItem } from '../../schemas/model.ts'
import { curlCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText, shortDigest } from '../numbers.ts'
import { ListFilters, listQuery } from '../parts/list-filters.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { Pager } from '../parts/pager.ts'
import { SameAs } from '../parts/same-as.ts'
import { SelectionBar } from '../parts/selection-bar.ts'
import { Labels, Table, type TableColumn } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { UploadArea } from '../parts/upload-area.ts'
import { Link, viewUrl } from '../routing.ts'
import { select, selection } from '../selection.ts'
import { mayWrite } from '../session.ts'
import { useShared } from '../store.ts'

// The server pages, sorts and filters. A filter that the API gains is one more field here and in ListFilters.
const fields = ['name', 'label', 'fingerprint', 'kind', 'sort'] as const

const columns: readonly TableColumn[] = [
  { title: html`<span class="hidden">Selected</span>` },
  { title: 'Model' },
  { title: 'Parameters', isNumber: true, isMinor: true },
  { title: 'Size', isNumber: true },
  { title: 'Type', isMinor: true },
  { title: 'Family', isMinor: true },
  { title: 'Made from', isMinor: true },
  { title: 'Created', isMinor: true },
]

/** The list of models: filters, uploads, and what can be done with selected models. */
export function ModelsView({ query }: { query: URLSearchParams }) {
  const { filters, cursor, parameters, text } = listQuery(query, fields)
  const {
    value: page,
    error,
    isLoading,
  } = useLoaded(`models ${text}`, signal => client.listModels(parameters, { signal }))
  const selected = useShared(selection)
  const isFiltered = Object.keys(filters).some(name => name !== 'sort')
  return html`<h1 tabindex="-1">Models</h1>
    ${mayWrite() && h(UploadArea, { what: 'models', accept: '*', example: 'model.onnx', path: '/v1/models?name=model' })}
    ${h(ListFilters, { key: text, path: '/models', fields, filters })}
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the models.</p>`}
    ${
      page?.items.length === 0 &&
      html`<p>${isFiltered ? 'No model has all of this. Change or clear the filters.' : 'There are no models yet. Upload two or more variants of one network, select them, and make a soup.'}</p>`
    }
    ${
      page &&
      page.items.length > 0 &&
      h(Table, {
        caption: 'Models',
        columns,
        rows: page.items.map(item => ({
          key: item.id,
          cells: cellsOf(
            item,
            selected.some(({ id }) => id === item.id),
          ),
        })),
      })
    }
    ${page && h(Pager, { path: '/models', query: filters, cursor, nextCursor: page.nextCursor })}
    ${h(SelectionBar, {})} ${h(SameAs, { what: 'this list', commands: { curl: curlCommand(`/v1/models${text}`) } })}`
}

function cellsOf(item: ModelItem, isSelected: boolean) {
  const name = item.name ?? item.id
  const link = h(Link, { href: viewUrl(`/models/${item.id}`) }, name)
  if ('unreadable' in item) return ['', html`${link}<p class="faint">${item.unreadable}</p>`]
  const { id, labels, missing, parameters, bytes, dtypes, fingerprint, lineage, createdAt } = item
  const change = (event: Event) =>
    select({ id, name }, event.currentTarget instanceof HTMLInputElement && event.currentTarget.checked)
  return [
    html`<input type="checkbox" aria-label="Select ${name}" checked=${isSelected} onChange=${change} />`,
    html`${link} ${missing.length > 0 && html`<span class="state failed">incomplete</span>`} ${h(Labels, { labels })}`,
    countText(parameters),
    bytesText(bytes),
    floatType(dtypes),
    fingerprint && h(Link, { href: viewUrl('/models', { fingerprint }) }, shortDigest(fingerprint)),
    lineage ? `${lineage.method} of ${lineage.inputs.length}` : 'upload',
    timeOf(createdAt),
  ]
}

/** Returns the element type of most float tensors of a model. */
function floatType(dtypes: Readonly<Record<string, number>>): string {
  const floats = Object.entries(dtypes).filter(([name]) => name.includes('float'))
  return floats.toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? '–'
}
