import { h } from 'preact'
import type { SearchResult } from '../../schemas/search.ts'
import { numberText } from '../numbers.ts'
import { verdictOf } from '../parts/verdict.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

type TestedResult = NonNullable<SearchResult['test']>

/** Winner, best single model and mean of all on the test data set. A line beside the winner is the interval of its difference. */
export function TestScores({ test, improved }: { test: TestedResult; improved: SearchResult['improved'] }) {
  const { winner, bestSingle, uniform, difference, interval, confidence } = test
  const rows = [
    ['Best single model', bestSingle],
    ...(uniform === null ? [] : [['Mean of all', uniform] as const]),
    ['Winner', winner],
  ] as const
  const range =
    interval && bestSingle !== null ? ([bestSingle + interval[0], bestSingle + interval[1]] as const) : undefined
  const picture: ChartPicture = ({ text, good, bad, faint, line, series: [own = ''] }) => {
    const colour = improved === null ? faint : improved ? good : bad
    return {
      xAxis: { type: 'value', scale: true, axisLabel: { color: text }, splitLine: { lineStyle: { color: line } } },
      yAxis: { type: 'category', data: rows.map(([name]) => name), axisLabel: { color: text } },
      tooltip: { trigger: 'item' },
      series: [
        {
          type: 'line',
          name: `Interval of ${confidence * 100} %`,
          showSymbol: false,
          tooltip: { show: false },
          lineStyle: { color: colour, width: 6, opacity: 0.4 },
          data: (range ?? []).map(value => [value, 'Winner']),
        },
        {
          type: 'scatter',
          name: 'Score on test',
          symbolSize: 13,
          itemStyle: { color: own, opacity: 1 },
          data: rows.map(([name, score]) => ({
            value: [score ?? Number.NaN, name],
            ...(name === 'Winner' ? { itemStyle: { color: colour, opacity: 1 } } : {}),
          })),
          ...(bestSingle === null
            ? {}
            : {
                markLine: {
                  silent: true,
                  symbol: 'none',
                  precision: 12,
                  label: { show: false },
                  lineStyle: { color: faint },
                  data: [{ xAxis: bestSingle }],
                },
              }),
        },
      ],
    }
  }
  return h(Chart, {
    title: 'Scores on test',
    summary: `${verdictOf({ improved })} The winner’s score minus the best single model’s is ${numberText(difference)}${interval ? `, with ${confidence * 100} % confidence from ${numberText(interval[0])} to ${numberText(interval[1])}` : ''}.`,
    picture,
    height: 220,
    columns: [{ title: 'Model' }, { title: 'Score on test', isNumber: true }, { title: 'Interval', isNumber: true }],
    rows: rows.map(([name, score]) => [
      name,
      numberText(score),
      name === 'Winner' && range ? `${numberText(range[0])} to ${numberText(range[1])}` : '–',
    ]),
  })
}
