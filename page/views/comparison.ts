import { h } from 'preact'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { countText, numberText } from '../numbers.ts'
import { type CauseGroup, groupedCauses } from '../parts/grouped-causes.ts'
import { ErrorNotice, Warnings } from '../parts/notices.ts'
import { Table } from '../parts/table.ts'
import { Link, viewUrl } from '../routing.ts'

/** Most messages of one kind that the page shows. */
const mostMessages = 20

/**
 * A comparison as a table of pairs, and as a map of their tensors. Differences that prevent a merge follow, and the tensors that differ most.
 */
export function Comparison({ result }: { result: ComparisonResult }) {
  const { models = [], pairs, warnings } = result
  const { value: charts, error, isLoading } = useLoaded('comparison map', () => import('../charts/comparison-map.ts'))
  const nameOf = (reference: string) =>
    models.find(({ id, sha256 }) => id === reference || sha256 === reference)?.name ?? reference
  const named = (reference: string) => h(Link, { href: viewUrl(`/models/${reference}`) }, nameOf(reference))
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
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the chart.</p>`}
    ${charts && h(charts.ComparisonMap, { result, nameOf })}
    ${pairs.map(pair => h(Pair, { key: `${pair.a} ${pair.b}`, pair, title: html`${named(pair.a)} and ${named(pair.b)}` }))}`
}

type PairProps = { pair: ComparisonResult['pairs'][number]; title: unknown }

function Pair({ pair: { reasons, warnings, tensors, omitted }, title }: PairProps) {
  return html`<h3>${title}</h3>
    ${
      reasons.length > 0 &&
      html`<p>${reasons.length === 1 ? 'This difference prevents' : `These ${countText(reasons.length)} differences prevent`} a merge:</p>
        <ul>
          ${groupedCauses(reasons).map(group => h(Reasons, { key: group.words, group }))}
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

/** Differences of one kind, behind a toggle if there are several. */
function Reasons({ group: { words, causes } }: { group: CauseGroup }) {
  const [first] = causes
  if (causes.length === 1) return html`<li>${first?.message}</li>`
  return html`<li>
    <details>
      <summary>${countText(causes.length)} times: ${words}</summary>
      <ul>
        ${causes.slice(0, mostMessages).map(({ message }) => html`<li>${message}</li>`)}
        ${causes.length > mostMessages && html`<li>and ${causes.length - mostMessages} more</li>`}
      </ul>
    </details>
  </li>`
}
