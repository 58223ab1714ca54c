import { useState } from 'preact/hooks'
import { enterToken } from '../connection.ts'
import { html, onSubmit, textOf } from '../markup.ts'

/** The form that asks for a token. @param reason why the server asks */
export function TokenForm({ reason }: { reason: string }) {
  const [text, setText] = useState('')
  return html`<form class="token" onSubmit=${onSubmit(() => enterToken(text))}>
    <h1 tabindex="-1">A token, please</h1>
    <p role="alert">${reason}</p>
    <p>This tab keeps the token until you close it. It is not stored on disk, and not sent to anybody else.</p>
    <p>
      <label>Token <input type="password" autocomplete="off" required value=${text} onInput=${(event: Event) => setText(textOf(event))} /></label>
      <button type="submit">Use this token</button>
    </p>
  </form>`
}
