import { h } from 'preact'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { html } from '../markup.ts'
import { countText, numberText } from '../numbers.ts'
import { Warnings } from '../parts/notices.ts'
import { Table } from '../parts/table.ts'
import { Link, viewUrl } from '../routing.ts'

/** Most reasons of one pair that the page shows. */
const mostReasons = 20

/** A comparison as a table of pairs. Differences that prevent a merge follow, and the tensors that differ most. */
export function Comparison({ result: { models = [], pairs, warnings } }: { result: ComparisonResult }) {
  const named = (reference: string) => {
    const model = models.find(({ id, sha256 }) => id === reference || sha256 === reference)
    return h(Link, { href: viewUrl(`/models/${reference}`) }, model?.name ?? reference)
  }
  return html`<h2>Result</h2>
    ${h(Warnings, { warnings })}
    ${h(Table, {
      caption: 'Pairs of models',
      columns: [
        { title: 'Base' },
        { title: 'Other' },
        { title: 'Merge' },
        { title: 'Cosine', isNumber: true },
        { title: 'Relative distance', isNumber: true },
        { title: 'Tensors', isNumber: true, isMinor: true },
        { title: 'Identical', isNumber: true, isMinor: true },
      ],
      rows: pairs.map(({ a, b, compatible, cosine, relativeDistance, totals }) => ({
        key: `${a} ${b}`,
        cells: [
          named(a),
          named(b),
          html`<span class="state ${compatible ? 'succeeded' : 'failed'}">${compatible ? 'possible' : 'refused'}</span>`,
          numberText(cosine),
          numberText(relativeDistance),
          countText(totals.tensors),
          countText(totals.identical),
        ],
      })),
    })}
    ${pairs.map(pair => h(Pair, { key: `${pair.a} ${pair.b}`, pair, title: html`${named(pair.a)} and ${named(pair.b)}` }))}`
}

type PairProps = { pair: ComparisonResult['pairs'][number]; title: unknown }

function Pair({ pair: { reasons, warnings, tensors, omitted }, title }: PairProps) {
  return html`<h3>${title}</h3>
    ${
      reasons.length > 0 &&
      html`<p>These differences prevent a merge:</p>
        <ul>
          ${reasons.slice(0, mostReasons).map(({ message }) => html`<li>${message}</li>`)}
          ${reasons.length > mostReasons && html`<li>and ${reasons.length - mostReasons} more</li>`}
        </ul>`
    }
    ${h(Warnings, { warnings })}
    ${
      tensors.length > 0 &&
      html`<details>
        <summary>The ${tensors.length} tensors that differ most${omitted > 0 && ` of ${countText(tensors.length + omitted)}`}</summary>
        ${h(Table, {
          caption: 'Tensors that differ most',
          columns: [
            { title: 'Tensor' },
            { title: 'Dims', isMinor: true },
            { title: 'Cosine', isNumber: true },
            { title: 'Relative distance', isNumber: true },
          ],
          rows: tensors.map(({ a, dims, cosine, relativeDistance }) => ({
            key: a,
            cells: [
              html`<code>${a}</code>`,
              dims.join(' × ') || 'scalar',
              numberText(cosine),
              numberText(relativeDistance),
            ],
          })),
        })}
      </details>`
    }`
}
