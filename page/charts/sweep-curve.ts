import { h } from 'preact'
import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import { numberText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

/** A point of a sweep. `place`: alpha between the two models, or the value of the parameter. */
type SweepPoint = { place: number; score: number | null }

/**
 * Returns the points of a sweep from its first end to its last.
 * @param parameter the parameter that was swept; undefined for the line between two models
 */
export function sweepPoints({ candidates, models = [] }: SearchResult, parameter: string | undefined): SweepPoint[] {
  const last = models.at(-1)?.id
  const places = candidates.map(candidate => {
    if (parameter !== undefined) return candidate.parameters?.[parameter]
    const index = candidate.models.findIndex(id => id === last)
    return index < 0 ? 0 : candidate.models.length === 1 ? 1 : candidate.weights[index]
  })
  return candidates
    .flatMap(({ score }, index) => {
      const place = places[index]
      return place === undefined ? [] : [{ place, score }]
    })
    .toSorted((a, b) => a.place - b.place)
}

/** The scores along a sweep, the straight line between its ends, and the barrier below that line. */
export function SweepCurve({
  result,
  strategy,
}: {
  result: SearchResult
  strategy: Extract<SearchRequest['strategy'], { type: 'sweep' }>
}) {
  const { barrier, models = [] } = result
  const points = sweepPoints(result, strategy.parameter)
  const [first] = points
  const last = points.at(-1)
  const ends = strategy.parameter === undefined && first && last ? [first, last] : []
  const title =
    strategy.parameter ?? `alpha, from ${models[0]?.name ?? 'the first'} to ${models[1]?.name ?? 'the second model'}`
  const picture: ChartPicture = ({ text, line, faint, bad, series: [own = ''] }) => ({
    legend: {},
    xAxis: { ...axis(title, text, line), scale: true },
    yAxis: { ...axis('Score', text, line), scale: true },
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'line',
        name: 'Score',
        itemStyle: { color: own },
        data: points.map(({ place, score }) => [place, score]),
        ...(barrier && barrier.value > 0
          ? {
              markLine: {
                silent: true,
                symbol: 'none',
                precision: 12,
                lineStyle: { color: bad },
                label: { color: text, formatter: 'barrier' },
                data: [{ xAxis: barrier.alpha }],
              },
            }
          : {}),
      },
      {
        type: 'line',
        name: 'Straight line between the ends',
        showSymbol: false,
        itemStyle: { color: faint },
        lineStyle: { color: faint, type: 'dashed' },
        data: ends.map(({ place, score }) => [place, score]),
      },
    ],
  })
  return h(Chart, {
    title: 'Scores along the sweep',
    summary: barrierWords(barrier),
    picture,
    columns: [
      { title: strategy.parameter ?? 'Alpha', isNumber: true },
      { title: 'Score', isNumber: true },
    ],
    rows: points.map(({ place, score }) => [numberText(place), numberText(score)]),
  })
}

function barrierWords(barrier: SearchResult['barrier']): string {
  if (barrier === undefined) return 'The search measured no barrier.'
  if (barrier.value === 0) return 'There is no barrier: no score lies below the straight line between the ends.'
  return `The barrier is ${numberText(barrier.value)} at alpha ${numberText(barrier.alpha)}: so far the score drops below the straight line between the ends.`
}
