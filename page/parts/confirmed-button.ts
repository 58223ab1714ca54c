import { h } from 'preact'
import { useState } from 'preact/hooks'
import { html } from '../markup.ts'
import { Confirm } from './confirm.ts'

type ConfirmedAction = { label: string; action: string; question: string; act: () => Promise<void> }

/** A button whose action cannot be undone: it asks first. */
export function ConfirmedButton({ label, action, question, act }: ConfirmedAction) {
  const [isAsking, setAsking] = useState(false)
  return html`<button type="button" class="danger" onClick=${() => setAsking(true)}>${label}</button>
    ${isAsking && h(Confirm, { action, question, act, onClose: () => setAsking(false) })}`
}
