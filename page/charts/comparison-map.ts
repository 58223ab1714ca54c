import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { html, textOf } from '../markup.ts'
import { countText, numberText } from '../numbers.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

/** The measures that a map can show. */
const measures = { relativeDistance: 'Relative distance', cosine: 'Cosine' } as const

type Measure = keyof typeof measures

/** Pixels of one row of the map, and of all that is around the rows. */
const rowPixels = 20
const framePixels = 150
const mostPixels = 1600

/** Sorts names as people count: layer 2 before layer 10. */
const collator = new Intl.Collator('en', { numeric: true })

/** Returns the tensors that any pair lists, and their values: a row for each tensor, with one value for each pair, null if it has none. */
export function tensorValues({ pairs }: ComparisonResult, measure: Measure) {
  const names = new Set(pairs.flatMap(({ tensors }) => tensors.map(({ a }) => a)))
  const byPair = pairs.map(({ tensors }) => new Map(tensors.map(tensor => [tensor.a, tensor[measure]])))
  return [...names]
    .toSorted(collator.compare)
    .map(tensor => ({ tensor, values: byPair.map(values => values.get(tensor) ?? null) }))
}

type MapProps = { result: ComparisonResult; nameOf: (reference: string) => string }

/** A heat map of how far models are apart: a row for each tensor, a column for each pair of models. */
export function ComparisonMap({ result, nameOf }: MapProps) {
  const [measure, setMeasure] = useState<Measure>('relativeDistance')
  const rows = tensorValues(result, measure)
  if (rows.length === 0) return null
  const pairs = result.pairs.map(({ a, b }) => `${nameOf(a)} and ${nameOf(b)}`)
  // Tensors that no soup averages have no distance.
  const drawn = rows.filter(({ values }) => values.some(value => value !== null))
  const cells = drawn.flatMap(({ tensor, values }, y) =>
    values.flatMap((value, x) => (value === null ? [] : [{ x, y, value, tensor, pair: pairs[x] ?? '' }])),
  )
  const sorted = cells.toSorted((a, b) => a.value - b.value)
  const least = sorted[0]
  const most = sorted.at(-1)
  const omitted = result.pairs.reduce((sum, pair) => sum + pair.omitted, 0)
  const picture: ChartPicture = ({ text, low, high, line }) => ({
    grid: { left: 12, right: 24, top: 40, bottom: 12, outerBoundsContain: 'all' },
    xAxis: { type: 'category', data: pairs, axisLabel: { color: text, rotate: pairs.length > 4 ? 60 : 0 } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: drawn.map(({ tensor }) => tensor),
      axisLabel: { color: text, width: 180, overflow: 'truncate' },
    },
    tooltip: { trigger: 'item' },
    visualMap: {
      min: least?.value ?? 0,
      max: most?.value ?? 1,
      orient: 'horizontal',
      left: 'center',
      top: 0,
      text: [numberText(most?.value), numberText(least?.value)],
      textStyle: { color: text },
      // Models that are far apart are dark in either measure.
      inRange: { color: measure === 'cosine' ? [high, low] : [low, high] },
    },
    series: [
      {
        type: 'heatmap',
        name: measures[measure],
        itemStyle: { borderColor: line, borderWidth: 0.5 },
        data: cells.map(({ x, y, value }) => [x, y, value]),
      },
    ],
  })
  const far = measure === 'cosine' ? least : most
  const choose = (event: Event) => setMeasure(textOf(event) === 'cosine' ? 'cosine' : 'relativeDistance')
  return h(
    Chart,
    {
      title: 'Distance of every tensor in every pair',
      summary: far
        ? `Farthest apart is ${far.tensor} of ${far.pair}, with ${measures[measure].toLowerCase()} ${numberText(far.value)}.${omitted > 0 ? ` The ${countText(omitted)} most similar tensors of the pairs are left out.` : ''}`
        : 'No tensor has a distance.',
      picture,
      height: Math.min(framePixels + rowPixels * drawn.length, mostPixels),
      columns: [{ title: 'Tensor' }, ...pairs.map(title => ({ title, isNumber: true }))],
      rows: rows.map(({ tensor, values }) => [html`<code>${tensor}</code>`, ...values.map(numberText)]),
    },
    html`<p class="field"><label>Measure <select value=${measure} onChange=${choose}>
      ${Object.entries(measures).map(([name, words]) => html`<option value=${name}>${words}</option>`)}
    </select></label></p>`,
  )
}
