import { h } from 'preact'
import type { ModelItem, ModelRecord } from '../../schemas/model.ts'
import { curlCommand, tureenCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { storeChanged, useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText, shortDigest } from '../numbers.ts'
import { ConfirmedButton } from '../parts/confirmed-button.ts'
import { Downloads } from '../parts/download.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { RecordEditor } from '../parts/record-editor.ts'
import { SameAs } from '../parts/same-as.ts'
import { Facts, Labels } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { chosenFiles } from '../parts/upload-area.ts'
import { Link, viewUrl, visit } from '../routing.ts'
import { select } from '../selection.ts'
import { mayWrite } from '../session.ts'
import { uploadData } from '../uploads.ts'
import { Lineage } from './model-lineage.ts'
import { ModelScores, ModelTensors } from './model-lists.ts'

/** A model: its record, its files, what it was made from, its tensors and its scores. @param id an id, or the digest of the content */
export function ModelView({ id, query }: { id: string; query: URLSearchParams }) {
  const { value: model, error, isLoading } = useLoaded(`model ${id}`, signal => client.getModel(id, { signal }))
  const commands = { curl: curlCommand(`/v1/models/${id}`), tureen: tureenCommand('inspect', id) }
  return html`<p>${h(Link, { href: viewUrl('/models') }, '← Models')}</p>
    <h1 tabindex="-1">${model?.name ?? id}</h1>
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the model.</p>`}
    ${model && h(Record, { model, query })} ${h(SameAs, { what: 'this model', commands })}`
}

function Record({ model, query }: { model: ModelItem; query: URLSearchParams }) {
  const remove = mayWrite() && h(DeleteModel, { model })
  if ('unreadable' in model) return html`<p class="notice error">${model.unreadable}</p>${remove}`
  return html`${h(Missing, { model })}
    ${h(Facts, {
      facts: {
        Id: html`<code>${model.id}</code>`,
        Labels: Object.keys(model.labels).length > 0 && h(Labels, { labels: model.labels }),
        Size: bytesText(model.bytes),
        Parameters: countText(model.parameters),
        Tensors: `${countText(model.tensorCount)} (${Object.entries(model.dtypes)
          .map(([name, count]) => `${countText(count)} ${name}`)
          .join(', ')})`,
        Family:
          model.fingerprint &&
          h(Link, { href: viewUrl('/models', { fingerprint: model.fingerprint }) }, shortDigest(model.fingerprint)),
        Inputs: valuesText(model.inputs),
        Outputs: valuesText(model.outputs),
        Opsets: model.opsets.map(({ domain, version }) => `${domain || 'ai.onnx'} ${version}`).join(', '),
        Producer: model.producer,
        Digest: html`<code>${model.sha256}</code>`,
        Created: timeOf(model.createdAt),
        Expires: model.expiresAt && timeOf(model.expiresAt),
      },
    })}
    ${mayWrite() && h(RecordEditor, { key: model.id, record: model, save: change => client.updateModel(model.id, change) })}
    ${h(Downloads, { model })} ${remove} ${h(Lineage, { model })} ${h(ModelScores, { id: model.id, query })}
    ${h(ModelTensors, { id: model.id, query })}`
}

function DeleteModel({ model }: { model: ModelItem }) {
  const name = model.name ?? model.id
  const act = async () => {
    await client.deleteModel(model.id)
    select({ id: model.id, name }, false)
    storeChanged()
    visit(viewUrl('/models'))
  }
  const question = `Delete the model ${name}? This cannot be undone.`
  return html`<p>${h(ConfirmedButton, { label: 'Delete this model', action: 'Delete', question, act })}</p>`
}

/** The external data that a model lacks, each with a field for its file. */
function Missing({ model: { id, missing } }: { model: ModelRecord }) {
  if (missing.length === 0) return null
  const upload = (location: string) => (event: Event) => {
    const [file] = chosenFiles(event)
    if (file) uploadData(id, location, file)
  }
  return html`<div class="notice warning">
    <p><strong>The model is incomplete.</strong> It needs ${missing.length === 1 ? 'a file' : `${missing.length} files`} of external data.</p>
    <ul>
      ${missing.map(
        location => html`<li>
          <code>${location}</code> ${mayWrite() && html`<label class="button">Upload ${location}<input type="file" onChange=${upload(location)} /></label>`}
        </li>`,
      )}
    </ul>
  </div>`
}

function valuesText(values: ModelRecord['inputs']) {
  const lines = values.map(({ name, dtype, dims }) => {
    const shape = dims === null ? 'any rank' : `[${dims.map(dim => dim ?? '?').join(', ')}]`
    return html`<div><code>${name}</code> ${dtype} ${shape}</div>`
  })
  return html`${lines}`
}
