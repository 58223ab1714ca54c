import { h } from 'preact'
import type { DatasetItem } from '../../schemas/dataset.ts'
import { curlCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { storeChanged, useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText } from '../numbers.ts'
import { ConfirmedButton } from '../parts/confirmed-button.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { RecordEditor } from '../parts/record-editor.ts'
import { SameAs } from '../parts/same-as.ts'
import { Facts, Labels, Table } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { Link, viewUrl, visit } from '../routing.ts'
import { mayWrite } from '../session.ts'

/** A data set: its record and its arrays. */
export function DatasetView({ id }: { id: string }) {
  const { value: dataset, error, isLoading } = useLoaded(`dataset ${id}`, signal => client.getDataset(id, { signal }))
  return html`<p>${h(Link, { href: viewUrl('/datasets') }, '← Data sets')}</p>
    <h1 tabindex="-1">${dataset?.name ?? id}</h1>
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the data set.</p>`}
    ${dataset && h(Record, { dataset })}
    ${h(SameAs, { what: 'this data set', commands: { curl: curlCommand(`/v1/datasets/${id}`) } })}`
}

function Record({ dataset }: { dataset: DatasetItem }) {
  const name = dataset.name ?? dataset.id
  const act = async () => {
    await client.deleteDataset(dataset.id)
    storeChanged()
    visit(viewUrl('/datasets'))
  }
  const question = `Delete the data set ${name}? This cannot be undone.`
  const remove =
    mayWrite() && html`<p>${h(ConfirmedButton, { label: 'Delete this data set', action: 'Delete', question, act })}</p>`
  if ('unreadable' in dataset) return html`<p class="notice error">${dataset.unreadable}</p>${remove}`
  const { labels, kind, samples, bytes, arrays, unusable = [], files, sha256, createdAt, expiresAt } = dataset
  return html`${h(Facts, {
    facts: {
      Id: html`<code>${dataset.id}</code>`,
      Labels: Object.keys(labels).length > 0 && h(Labels, { labels }),
      Kind: kind === 'npz' ? 'NumPy arrays (.npz)' : 'test_data_set of ONNX',
      Samples: countText(samples),
      Size: bytesText(bytes),
      Files: files.length > 1 && countText(files.length),
      Digest: html`<code>${sha256}</code>`,
      Created: timeOf(createdAt),
      Expires: expiresAt && timeOf(expiresAt),
    },
  })}
    ${mayWrite() && h(RecordEditor, { key: dataset.id, record: dataset, save: change => client.updateDataset(dataset.id, change) })}
    ${remove}
    <h2>Arrays</h2>
    ${h(Table, {
      caption: 'Arrays',
      columns: [{ title: 'Name' }, { title: 'Type' }, { title: 'Dims' }],
      rows: arrays.map(array => ({
        key: array.name,
        cells: [html`<code>${array.name}</code>`, array.dtype, array.dims.join(' × ') || 'scalar'],
      })),
    })}
    ${
      unusable.length > 0 &&
      html`<p>These arrays cannot be used:</p>
        <ul>
          ${unusable.map(({ name, reason }) => html`<li><code>${name}</code>: ${reason}</li>`)}
        </ul>`
    }`
}
