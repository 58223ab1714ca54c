import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { ModelRecord } from '../../schemas/model.ts'
import { curlCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { numberText, shortDigest } from '../numbers.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { SameAs } from '../parts/same-as.ts'
import { Table } from '../parts/table.ts'
import { Link, viewUrl } from '../routing.ts'

/** The models that a soup was made from, with their weights, and its recipe. */
export function Lineage({ model: { id, lineage } }: { model: ModelRecord }) {
  if (lineage === null) return html`<h2>Made from</h2><p>The model was uploaded.</p>`
  const { method, inputs, base, normalize } = lineage
  const isBaseExtra = inputs.every(({ sha256 }) => sha256 !== base)
  return html`<h2>Made from</h2>
    <p>
      Merge method <strong>${method}</strong>${normalize === false && ', weights not divided by their sum'}.
      ${isBaseExtra && html`Base: ${h(Link, { href: viewUrl(`/models/${base}`) }, shortDigest(base))}.`}
    </p>
    ${h(Table, {
      caption: 'Models that it was made from',
      columns: [{ title: 'Model' }, { title: 'Weight', isNumber: true }],
      rows: inputs.map(({ sha256, weight }, index) => ({
        key: String(index),
        cells: [
          h(Link, { href: viewUrl(`/models/${sha256}`) }, shortDigest(sha256)),
          typeof weight === 'number' ? numberText(weight) : `${weight.gradient.join(', ')} (gradient)`,
        ],
      })),
    })}
    ${h(Recipe, { id })}`
}

function Recipe({ id }: { id: string }) {
  const [isOpen, setOpen] = useState(false)
  const toggle = ({ currentTarget }: Event) =>
    setOpen(currentTarget instanceof HTMLDetailsElement && currentTarget.open)
  return html`<details onToggle=${toggle}>
    <summary>Recipe</summary>
    ${isOpen && h(RecipeText, { id })}
  </details>`
}

function RecipeText({ id }: { id: string }) {
  const { value, error } = useLoaded(`recipe ${id}`, signal => client.getModelRecipe(id, { signal }))
  return html`${h(ErrorNotice, { error })} ${value && html`<pre><code>${JSON.stringify(value, null, 2)}</code></pre>`}
    ${h(SameAs, { what: 'this recipe', commands: { curl: curlCommand(`/v1/models/${id}/recipe`) } })}`
}
