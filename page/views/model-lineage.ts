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

/** Most models of a soup whose names the page asks for. */
const mostNames = 32

/** Returns the name of the newest model with each digest. A lineage has digests alone, since names may change hands. */
async function namesOf(digests: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const pages = await Promise.all(
    [...new Set(digests)].slice(0, mostNames).map(sha256 => client.listModels({ sha256, limit: 1 }, { signal })),
  )
  return new Map(pages.flatMap(({ items }) => items.map(({ sha256, name, id }) => [sha256 ?? '', name ?? id] as const)))
}

/** The models that a soup was made from, with their weights, and its recipe. */
export function Lineage({ model }: { model: ModelRecord }) {
  const { id, lineage } = model
  return lineage === null
    ? html`<h2>Made from</h2>
        <p>The model was uploaded.</p>`
    : html`${h(Inputs, { id, lineage })} ${h(Ancestors, { model })}`
}

/** The graph of all models that a soup descends from. */
function Ancestors({ model }: { model: ModelRecord }) {
  const { value: charts, error, isLoading } = useLoaded('lineage graph', () => import('../charts/lineage-graph.ts'))
  return html`${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the graph.</p>`}
    ${charts && h(charts.LineageGraph, { model })}`
}

function Inputs({ id, lineage }: { id: string; lineage: NonNullable<ModelRecord['lineage']> }) {
  const { method, inputs, base, normalize } = lineage
  const digests = [base, ...inputs.map(({ sha256 }) => sha256)]
  const { value: names } = useLoaded(`names ${id}`, signal => namesOf(digests, signal))
  const linkTo = (digest: string) =>
    h(Link, { href: viewUrl(`/models/${digest}`) }, names?.get(digest) ?? shortDigest(digest))
  const isBaseExtra = inputs.every(({ sha256 }) => sha256 !== base)
  return html`<h2>Made from</h2>
    <p>
      Merge method <strong>${method}</strong>${normalize === false && ', weights not divided by their sum'}.
      ${isBaseExtra && html`Base: ${linkTo(base)}.`}
    </p>
    ${h(Table, {
      caption: 'Models that it was made from',
      columns: [{ title: 'Model' }, { title: 'Weight', isNumber: true }],
      rows: inputs.map(({ sha256, weight }, index) => ({
        key: String(index),
        cells: [
          linkTo(sha256),
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
