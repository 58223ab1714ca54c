import { useState } from 'preact/hooks'
import { html, onSubmit, textOf } from '../markup.ts'
import { viewUrl, visit } from '../routing.ts'

/**
 * Filters and orders of lists, by the name of their query parameter, in words. Fields with options are chosen, others are typed. `none`: in words,
 * what holds without a choice.
 */
const known = {
  name: { title: 'Name' },
  label: { title: 'Label', example: 'key:value' },
  fingerprint: { title: 'Family', example: 'sha256:…' },
  type: { title: 'Type', options: sameWords('merge', 'comparison', 'search', 'evaluation', 'export', 'conversion') },
  status: { title: 'Status', options: sameWords('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled') },
  kind: { title: 'Kind', options: { model: 'models', checkpoint: 'checkpoints' } },
  sort: {
    title: 'Order',
    none: 'newest first',
    options: {
      created: 'oldest first',
      name: 'A to Z',
      '-name': 'Z to A',
      '-bytes': 'largest first',
      bytes: 'smallest first',
    },
  },
} as const satisfies Record<string, FieldWords>

type FieldWords = { title: string; example?: string; none?: string; options?: Readonly<Record<string, string>> }
type FilterField = keyof typeof known
type FilterTexts = Record<string, string>

/**
 * Reads the query of a list's view. @returns its filters, the cursor of the page, both as parameters of the API, and as the query of a request
 */
export function listQuery(query: URLSearchParams, fields: readonly FilterField[]) {
  const filters: FilterTexts = {}
  for (const field of fields) if (query.get(field)) filters[field] = query.get(field) ?? ''
  const cursor = query.get('cursor') ?? ''
  const { label, ...others } = filters
  const [, key, value] = /^([^:]*):(.*)$/s.exec(label ?? '') ?? []
  const parameters = {
    ...others,
    ...(cursor === '' ? {} : { cursor }),
    ...(label === undefined ? {} : { label: { [key ?? label]: value ?? '' } }),
  }
  const text = new URLSearchParams({ ...filters, ...(cursor === '' ? {} : { cursor }) }).toString()
  return { filters, cursor, parameters, text: text && `?${text}` }
}

type FilterProps = { path: string; fields: readonly FilterField[]; filters: FilterTexts }

/** The form of a list's filters. The server filters, by the address that the form leads to. */
export function ListFilters({ path, fields, filters }: FilterProps) {
  const [texts, setTexts] = useState(filters)
  const change = (field: FilterField) => (event: Event) => setTexts({ ...texts, [field]: textOf(event) })
  const show = onSubmit(() => visit(viewUrl(path, texts)))
  return html`<form class="filters" role="search" onSubmit=${show}>
    ${fields.map(field => {
      const { title, example, none = 'all', options }: FieldWords = known[field]
      const value = texts[field] ?? ''
      return html`<label>
        ${title}
        ${
          options
            ? html`<select value=${value} onChange=${change(field)}>
                <option value="">${none}</option>
                ${Object.entries(options).map(([option, words]) => html`<option value=${option}>${words}</option>`)}
              </select>`
            : html`<input type="search" value=${value} placeholder=${example} onInput=${change(field)} />`
        }
      </label>`
    })}
    <button type="submit">Filter</button>
    ${
      Object.keys(filters).length > 0 &&
      html`<button type="button" class="quiet" onClick=${() => visit(viewUrl(path))}>Clear filters</button>`
    }
  </form>`
}

function sameWords(...values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map(value => [value, value]))
}
