import { h } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { TensorSummary } from '../../schemas/model.ts'
import { html } from '../markup.ts'
import { countText, numberText } from '../numbers.ts'
import { Facts } from '../parts/table.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

/** The facts about one tensor of a model, and the histogram of its elements. */
export function TensorHistogram({ summary }: { summary: TensorSummary }) {
  const { name, where, dtype, dims, elements, nonFinite, min, max, mean, standardDeviation, norm, bins } = summary
  const place = useRef<HTMLElement>(null)
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), [where])
  const width = ((max ?? 0) - (min ?? 0)) / bins.length
  const edge = (index: number) => (index === bins.length ? max : (min ?? 0) + index * width)
  const picture: ChartPicture = ({ text, line, series: [own = ''] }) => ({
    xAxis: {
      type: 'category',
      name: 'Value',
      nameLocation: 'middle',
      nameTextStyle: { color: text },
      axisLabel: { color: text },
      data: bins.map((_, index) => numberText(edge(index))),
    },
    yAxis: axis('Elements', text, line),
    tooltip: { trigger: 'item' },
    series: [{ type: 'bar', name: 'Elements', barCategoryGap: '0%', itemStyle: { color: own }, data: bins }],
  })
  return html`<section ref=${place} aria-label="Tensor ${name || where}">
    <h3>Tensor <code>${name || where}</code></h3>
    ${h(Facts, {
      facts: {
        Type: `${dtype}, ${dims.length === 0 ? 'scalar' : dims.join(' × ')}`,
        Elements: countText(elements),
        'NaN and infinite elements': countText(nonFinite),
        Smallest: numberText(min),
        Largest: numberText(max),
        Mean: numberText(mean),
        'Standard deviation': numberText(standardDeviation),
        'L2 norm': numberText(norm),
      },
    })}
    ${
      min !== max &&
      h(Chart, {
        title: 'Histogram',
        summary: `${countText(elements - nonFinite)} finite elements from ${numberText(min)} to ${numberText(max)}, in ${bins.length} ranges of equal width.`,
        picture,
        columns: [
          { title: 'From', isNumber: true },
          { title: 'To', isNumber: true },
          { title: 'Elements', isNumber: true },
        ],
        rows: bins.map((count, index) => [numberText(edge(index)), numberText(edge(index + 1)), countText(count)]),
      })
    }
  </section>`
}
