import { h } from 'preact'
import { useState } from 'preact/hooks'
import { curlCommand, tureenCommand } from '../commands.ts'
import { client, handledByPage } from '../connection.ts'
import { storeChanged } from '../loading.ts'
import { html } from '../markup.ts'
import { Link, viewUrl, visit } from '../routing.ts'
import { select, selection } from '../selection.ts'
import { mayWrite } from '../session.ts'
import { useShared } from '../store.ts'
import { ConfirmedButton } from './confirmed-button.ts'
import { ErrorNotice } from './notices.ts'
import { SameAs } from './same-as.ts'

/** Actions on the selected models. */
export function SelectionBar() {
  const selected = useShared(selection)
  const [error, setError] = useState<unknown>(undefined)
  const names = selected.map(({ name }) => name).join(', ')
  if (selected.length === 0) return null
  const compare = async () => {
    try {
      const job = await client.createComparison({ models: selected.map(({ id }) => ({ id })) })
      visit(viewUrl(`/jobs/${job.id}`))
    } catch (error) {
      if (!handledByPage(error)) setError(error)
    }
  }
  const remove = async () => {
    for (const model of selected) {
      await client.deleteModel(model.id)
      select(model, false)
      storeChanged()
    }
  }
  const isAlone = selected.length < 2
  const ids = selected.map(({ id }) => id)
  const comparing = {
    curl: curlCommand('/v1/comparisons?wait=45', { json: { models: ids.map(id => ({ id })) } }),
    tureen: tureenCommand('compare', ...ids),
  }
  const deleting = { curl: ids.map(id => curlCommand(`/v1/models/${id}`, { method: 'DELETE' })).join('\n') }
  return html`<section class="selection" aria-label="Selected models">
    <p role="status">${selected.length} selected: ${names}</p>
    ${h(ErrorNotice, { error })}
    <p class="actions">
      ${
        mayWrite() &&
        html`${!isAlone && h(Link, { class: 'button primary', href: viewUrl('/soup', { model: ids }) }, 'Make a soup')}
          ${!isAlone && h(Link, { class: 'button', href: viewUrl('/search', { model: ids }) }, 'Search')}
          ${!isAlone && html`<button type="button" onClick=${compare}>Compare</button>`}
          ${h(ConfirmedButton, {
            label: 'Delete',
            action: 'Delete',
            question: `Delete ${isAlone ? names : `these ${selected.length} models: ${names}`}? This cannot be undone.`,
            act: remove,
          })}`
      }
      <button type="button" class="quiet" onClick=${() => selection.set([])}>Select none</button>
    </p>
    ${isAlone && mayWrite() && html`<p class="faint">Select another one to make a soup of them, or to compare them.</p>`}
    ${mayWrite() && !isAlone && h(SameAs, { what: 'comparing them', commands: comparing })}
    ${mayWrite() && h(SameAs, { what: 'deleting them', commands: deleting })}
  </section>`
}
