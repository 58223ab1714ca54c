import { h } from 'preact'
import type { SearchResult } from '../../schemas/search.ts'
import { countText, numberText } from '../numbers.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'
import { type ListedCandidate, modelNames } from './search-names.ts'

/** Returns the weight of each model in a candidate, in the order of `ids`. A model that the soup lacks has 0. */
function weightsOf({ models, weights }: ListedCandidate, ids: readonly string[]): number[] {
  const own = new Map(models.map((id, index) => [id, weights[index] ?? 0]))
  return ids.map(id => own.get(id) ?? 0)
}

/** The weights of all models, candidate by candidate: a row for each model. */
export function CandidateWeights({ result }: { result: SearchResult }) {
  const { candidates, models = [], winner } = result
  const nameOf = modelNames(result)
  const ids = models.map(({ id }) => id)
  const rows = candidates.map(candidate => weightsOf(candidate, ids))
  const [least, most] = rows.flat().reduce(([a, b], weight) => [Math.min(a, weight), Math.max(b, weight)], [0, 0])
  const final = winner.models.map((id, index) => `${nameOf(id)} ${numberText(winner.weights[index])}`)
  const picture: ChartPicture = ({ text, line, low, high }) => ({
    grid: { left: 12, right: 24, top: 40, bottom: 12, outerBoundsContain: 'all' },
    xAxis: {
      type: 'category',
      name: 'Candidate',
      nameLocation: 'middle',
      nameTextStyle: { color: text },
      axisLabel: { color: text },
      data: candidates.map((_, index) => String(index + 1)),
    },
    yAxis: { type: 'category', inverse: true, data: ids.map(nameOf), axisLabel: { color: text } },
    tooltip: { trigger: 'item' },
    visualMap: {
      min: least,
      max: most,
      text: [numberText(most), numberText(least)],
      orient: 'horizontal',
      left: 'center',
      top: 0,
      precision: 2,
      textStyle: { color: text },
      inRange: { color: [low, high] },
    },
    series: [
      {
        type: 'heatmap',
        name: 'Weight',
        progressive: 0,
        itemStyle: { borderColor: line, borderWidth: candidates.length > 100 ? 0 : 0.5 },
        data: rows.flatMap((weights, x) => weights.map((weight, y) => [x, y, weight])),
      },
    ],
  })
  return h(Chart, {
    title: 'Weights of the candidates',
    summary: `The winner has the weights ${final.join(', ')}.`,
    picture,
    height: 160 + 24 * ids.length,
    columns: [
      { title: 'Candidate', isNumber: true },
      ...ids.map(id => ({ title: nameOf(id), isNumber: true })),
      { title: 'Score', isNumber: true },
    ],
    rows: rows.map((weights, index) => [
      countText(index + 1),
      ...weights.map(numberText),
      numberText(candidates[index]?.score),
    ]),
  })
}
