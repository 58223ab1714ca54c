import { h } from 'preact'
import type { JobProgress } from '../../schemas/job.ts'
import { countText, numberText, secondsText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

/** The best score of a search that runs, over the candidates that it has scored, as its events tell. */
export function BestSoFar({ history }: { history: readonly JobProgress[] }) {
  const points = history.flatMap(({ done, best, seconds }) =>
    best === undefined || best === null ? [] : [{ done, best, seconds }],
  )
  const last = points.at(-1)
  const picture: ChartPicture = ({ text, line }) => ({
    xAxis: { ...axis('Candidates scored', text, line), minInterval: 1 },
    yAxis: { ...axis('Best score', text, line), scale: true },
    tooltip: { trigger: 'axis' },
    series: [{ type: 'line', name: 'Best so far', step: 'end', data: points.map(({ done, best }) => [done, best]) }],
  })
  return h(Chart, {
    title: 'Best score so far',
    summary: last
      ? `After ${countText(last.done)} candidates the best score is ${numberText(last.best)}.`
      : 'No candidate has a score yet.',
    picture,
    columns: [
      { title: 'Candidates', isNumber: true },
      { title: 'Best so far', isNumber: true },
      { title: 'Time', isNumber: true },
    ],
    rows: points.map(({ done, best, seconds }) => [
      countText(done),
      numberText(best),
      seconds === undefined ? '–' : secondsText(seconds),
    ]),
  })
}
