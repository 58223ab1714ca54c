import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { RecordChange } from '../../schemas/common.ts'
import { storeChanged } from '../loading.ts'
import { html, onSubmit, textOf } from '../markup.ts'
import { ErrorNotice } from './notices.ts'

/** The name and labels of a record. */
type NameAndLabels = { name: string | null; labels: Readonly<Record<string, string>> }

/** `save`: sends the change to the server. */
type EditedRecord = { record: NameAndLabels; save: (change: RecordChange) => Promise<unknown> }

type LabelRow = readonly [key: string, value: string]

/** A button that opens a form for the name and the labels of a record. */
export function RecordEditor({ record, save }: EditedRecord) {
  const [isOpen, setOpen] = useState(false)
  if (isOpen) return h(EditorForm, { record, save, onClose: () => setOpen(false) })
  return html`<p><button type="button" onClick=${() => setOpen(true)}>Rename or label</button></p>`
}

function EditorForm({ record, save, onClose }: EditedRecord & { onClose: () => void }) {
  const [name, setName] = useState(record.name ?? '')
  const [rows, setRows] = useState<readonly LabelRow[]>(Object.entries(record.labels))
  const [error, setError] = useState<unknown>()
  const submit = async () => {
    try {
      await save(changeOf(record, name, rows))
      storeChanged()
      onClose()
    } catch (reason) {
      setError(reason)
    }
  }
  const setRow = (index: number, row: LabelRow) => setRows(rows.map((each, place) => (place === index ? row : each)))
  return html`<form onSubmit=${onSubmit(() => void submit())}>
    <p><label>Name <input value=${name} maxlength="200" onInput=${(event: Event) => setName(textOf(event))} /></label></p>
    ${rows.map(
      ([key, value], index) => html`<p>
        <label>Key of label ${index + 1} <input value=${key} maxlength="63" required onInput=${(event: Event) => setRow(index, [textOf(event), value])} /></label>
        <label>Value <input value=${value} maxlength="256" onInput=${(event: Event) => setRow(index, [key, textOf(event)])} /></label>
        <button type="button" onClick=${() => setRows(rows.toSpliced(index, 1))}>Remove the label ${key}</button>
      </p>`,
    )}
    <p><button type="button" onClick=${() => setRows([...rows, ['', '']])}>Add a label</button></p>
    ${h(ErrorNotice, { error })}
    <p><button type="submit">Save</button> <button type="button" onClick=${onClose}>Close</button></p>
  </form>`
}

/** Returns the change that gives a record this name and these labels: only what differs. */
function changeOf(record: NameAndLabels, name: string, rows: readonly LabelRow[]): RecordChange {
  const wanted = name === '' ? null : name
  const labels = new Map(rows)
  const gone = Object.keys(record.labels).filter(key => !labels.has(key))
  const set = [...labels].filter(([key, value]) => record.labels[key] !== value)
  return {
    ...(wanted === record.name ? {} : { name: wanted }),
    labels: Object.fromEntries([...gone.map(key => [key, null] as const), ...set]),
  }
}
