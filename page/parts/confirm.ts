import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { handledByPage } from '../connection.ts'
import { html } from '../markup.ts'
import { ErrorNotice } from './notices.ts'

type ConfirmQuestion = {
  /** Name of the action, such as `Delete`. */
  action: string
  question: string
  /** Runs when the user confirms; its error is shown in the dialog. */
  act: () => Promise<void>
  onClose: () => void
}

/** A dialog that asks before an action which cannot be undone. Escape and Cancel close it. */
export function Confirm({ action, question, act, onClose }: ConfirmQuestion) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [error, setError] = useState<unknown>(undefined)
  const [isActing, setActing] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  const confirm = async () => {
    setActing(true)
    try {
      await act()
      onClose()
    } catch (error) {
      if (handledByPage(error)) onClose()
      else setError(error)
      setActing(false)
    }
  }
  return html`<dialog ref=${dialog} onClose=${onClose} aria-label=${question}>
    <p>${question}</p>
    ${h(ErrorNotice, { error })}
    <p class="actions">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="danger" disabled=${isActing} onClick=${confirm}>${action}</button>
    </p>
  </dialog>`
}
