import { h } from 'preact'
import type { SearchResult } from '../../schemas/search.ts'
import { countText, numberText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'
import { isBetter, isRuledOut, modelNames, soupName } from './search-names.ts'

/** The score of every candidate against the number of models in it. */
export function CandidateSizes({ result }: { result: SearchResult }) {
  const { candidates, direction } = result
  const nameOf = modelNames(result)
  const best = new Map<number, number>()
  for (const { models, score, misses } of candidates) {
    const size = models.length
    if (score === null || isRuledOut({ misses })) continue
    if (isBetter(score, best.get(size) ?? (direction === 'max' ? -Infinity : Infinity), direction))
      best.set(size, score)
  }
  const picture: ChartPicture = ({ text, line, faint, series: [first = '', second = ''] }) => ({
    legend: {},
    xAxis: { ...axis('Models in the soup', text, line), minInterval: 1, min: 0 },
    yAxis: { ...axis('Score', text, line), scale: true },
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'scatter',
        name: 'Candidates',
        large: candidates.length > 2000,
        itemStyle: { color: first, opacity: 0.7 },
        data: candidates.map(({ models, score, misses }) => ({
          value: [models.length, score ?? Number.NaN],
          name: soupName(models, nameOf),
          ...(isRuledOut({ misses }) ? { itemStyle: { color: faint } } : {}),
        })),
      },
      {
        type: 'line',
        name: 'Best of each size',
        itemStyle: { color: second },
        data: [...best].toSorted(([a], [b]) => a - b),
      },
    ],
  })
  const [size, score] = [...best].reduce(
    (a, b) => (isBetter(b[1], a[1], direction) ? b : a),
    [0, direction === 'max' ? -Infinity : Infinity],
  )
  return h(Chart, {
    title: 'Score of every candidate against its size',
    summary:
      size === 0
        ? 'No candidate has a score.'
        : `The best of ${countText(candidates.length)} candidates has ${size === 1 ? 'one model' : `${size} models`} and the score ${numberText(score)}.`,
    picture,
    columns: [
      { title: 'Candidate', isNumber: true },
      { title: 'Models', isNumber: true },
      { title: 'Score', isNumber: true },
      { title: 'Names' },
    ],
    rows: candidates.map(({ models, score, misses }, index) => [
      countText(index + 1),
      countText(models.length),
      numberText(score),
      `${soupName(models, nameOf)}${isRuledOut({ misses }) ? ' (ruled out)' : ''}`,
    ]),
  })
}
