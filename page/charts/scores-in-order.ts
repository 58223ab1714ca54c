import { h } from 'preact'
import type { SearchResult } from '../../schemas/search.ts'
import { countText, numberText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'
import { isBetter, isRuledOut, modelNames, soupName } from './search-names.ts'

/** The scores in the order of the search, with the best so far. */
export function ScoresInOrder({ result }: { result: SearchResult }) {
  const { candidates, direction } = result
  const nameOf = modelNames(result)
  let best: number | null = null
  const bests = candidates.map(({ score, misses }) => {
    if (score !== null && !isRuledOut({ misses }) && (best === null || isBetter(score, best, direction))) best = score
    return best
  })
  const improvements = bests.filter((value, index) => index > 0 && value !== bests[index - 1]).length
  const picture: ChartPicture = ({ text, line, faint, series: [first = '', second = ''] }) => ({
    legend: {},
    xAxis: { ...axis('Candidate', text, line), minInterval: 1, min: 1 },
    yAxis: { ...axis('Score', text, line), scale: true },
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'scatter',
        name: 'Candidates',
        symbolSize: 6,
        large: candidates.length > 2000,
        itemStyle: { color: first },
        data: candidates.map(({ models, score, misses }, index) => ({
          value: [index + 1, score ?? Number.NaN],
          name: soupName(models, nameOf),
          ...(isRuledOut({ misses }) ? { itemStyle: { color: faint } } : {}),
        })),
      },
      {
        type: 'line',
        name: 'Best so far',
        step: 'end',
        showSymbol: false,
        lineStyle: { color: second },
        itemStyle: { color: second },
        data: bests.flatMap((value, index) => (value === null ? [] : [[index + 1, value]])),
      },
    ],
  })
  return h(Chart, {
    title: 'Scores in the order of the search',
    summary: `The best score improved ${improvements === 1 ? 'once' : `${improvements} times`} after the first candidate, and ended at ${numberText(best)}.`,
    picture,
    columns: [
      { title: 'Candidate', isNumber: true },
      { title: 'Score', isNumber: true },
      { title: 'Best so far', isNumber: true },
    ],
    rows: candidates.map(({ score }, index) => [countText(index + 1), numberText(score), numberText(bests[index])]),
  })
}
