import { h } from 'preact'
import { html } from '../markup.ts'
import { bytesText } from '../numbers.ts'
import { Link, viewUrl } from '../routing.ts'
import { useShared } from '../store.ts'
import { forgetEnded, isEnded, type Upload, uploads } from '../uploads.ts'
import { ErrorNotice } from './notices.ts'

/** The uploads of this tab: how far they are, and what became of them. Nothing before the first one. */
export function UploadList() {
  const all = useShared(uploads)
  if (all.length === 0) return null
  return html`<section class="uploads" aria-label="Uploads">
    <ul>
      ${all.map(upload => h(UploadLine, { key: upload.id, upload }))}
    </ul>
    ${all.some(({ state }) => isEnded(state)) && html`<button type="button" class="quiet" onClick=${forgetEnded}>Clear the list</button>`}
  </section>`
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
    ${' '}<span class="faint" role="status">${words[state]}</span>${state === 'sending' && html`<span class="faint">${amount}</span>`}
    ${
      !isEnded(state) &&
      html`<progress aria-label="Upload of ${name}" max=${Math.max(total, 1)} value=${sent}></progress>
        <button type="button" class="quiet" onClick=${cancel} aria-label="Cancel the upload of ${name}">Cancel</button>`
    }
    ${state === 'failed' && h(ErrorNotice, { error })}
  </li>`
}
