import { h } from 'preact'
import { useState } from 'preact/hooks'
import { html } from '../markup.ts'
import { bytesText } from '../numbers.ts'
import { Link, viewUrl } from '../routing.ts'
import { useShared } from '../store.ts'
import { forgetEnded, isEnded, type Upload, uploadFiles, uploads } from '../uploads.ts'
import { ErrorNotice } from './notices.ts'

/** Returns the files that a user has chosen in a field, and empties it, so that the same file can be chosen again. */
export function chosenFiles({ currentTarget: field }: Event): File[] {
  if (!(field instanceof HTMLInputElement)) return []
  const files = [...(field.files ?? [])]
  field.value = ''
  return files
}

/** A place for files: the user drops them there, or chooses them in a dialog. @param what the files, such as `models` */
export function UploadArea({ what, accept }: { what: string; accept: string }) {
  const [isOver, setOver] = useState(false)
  const over = (event: DragEvent) => {
    event.preventDefault()
    setOver(true)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    uploadFiles([...(event.dataTransfer?.files ?? [])])
  }
  return html`<section class=${isOver ? 'upload over' : 'upload'} aria-label="Upload" onDragOver=${over} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <label class="button">
      Upload ${what}
      <input type="file" multiple accept=${accept} onChange=${(event: Event) => uploadFiles(chosenFiles(event))} />
    </label>
    <span class="faint"> or drop files here. External data goes with its model.</span>
    ${h(UploadList, {})}
  </section>`
}

function UploadList() {
  const all = useShared(uploads)
  if (all.length === 0) return null
  return html`<ul class="uploads" aria-label="Uploads">
      ${all.map(upload => h(UploadLine, { key: upload.id, upload }))}
    </ul>
    ${all.some(({ state }) => isEnded(state)) && html`<button type="button" class="quiet" onClick=${forgetEnded}>Clear the list</button>`}`
}

const words = {
  waiting: 'waits',
  reading: 'computing its digest',
  sending: '',
  storing: 'sent; the server inspects it',
  done: 'stored',
  failed: 'failed',
  cancelled: 'cancelled',
}

function UploadLine({ upload }: { upload: Upload }) {
  const { name, state, sent, total, rate, path, error, cancel } = upload
  const amount = `${bytesText(sent)} of ${bytesText(total)}${rate === undefined ? '' : `, ${bytesText(rate)} per second`}`
  return html`<li>
    <span>${path === undefined ? name : h(Link, { href: viewUrl(path) }, name)}</span>
    ${' '}<span class="faint" role="status">${state === 'sending' ? amount : words[state]}</span>
    ${
      !isEnded(state) &&
      html`<progress aria-label="Upload of ${name}" max=${Math.max(total, 1)} value=${sent}></progress>
        <button type="button" class="quiet" onClick=${cancel} aria-label="Cancel the upload of ${name}">Cancel</button>`
    }
    ${state === 'failed' && h(ErrorNotice, { error })}
  </li>`
}
