import { h } from 'preact'
import type { SearchResult } from '../../schemas/search.ts'
import { numberText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

/** Bars of the contribution of each model to the soups, with the models that spoil them. */
export function ShapleyValues({ contributions }: { contributions: NonNullable<SearchResult['contributions']> }) {
  const nameOf = ({ name, model }: (typeof contributions)[number]) => name ?? model
  const spoilers = contributions.filter(({ spoils }) => spoils).map(nameOf)
  const picture: ChartPicture = ({ text, line, bad, series: [first = '', second = ''] }) => ({
    legend: {},
    xAxis: { ...axis('Change of the score', text, line), scale: true },
    yAxis: { type: 'category', inverse: true, data: contributions.map(nameOf), axisLabel: { color: text } },
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'bar',
        name: 'Shapley value',
        itemStyle: { color: first },
        data: contributions.map(({ shapley }) => shapley),
      },
      {
        type: 'bar',
        name: 'Joining others',
        itemStyle: { color: second },
        data: contributions.map(({ marginal, spoils }) =>
          spoils ? { value: marginal, itemStyle: { color: bad } } : marginal,
        ),
      },
    ],
  })
  return h(Chart, {
    title: 'Contribution of each model',
    summary:
      spoilers.length === 0
        ? 'No model spoils the soups that it joins.'
        : `${spoilers.join(', ')} ${spoilers.length === 1 ? 'spoils' : 'spoil'} the soups: on average they are better without.`,
    picture,
    height: 120 + 44 * contributions.length,
    columns: [
      { title: 'Model' },
      { title: 'Shapley value', isNumber: true },
      { title: 'Joining others', isNumber: true },
      { title: 'Spoils' },
    ],
    rows: contributions.map(each => [
      nameOf(each),
      numberText(each.shapley),
      numberText(each.marginal),
      each.spoils ? 'yes' : 'no',
    ]),
  })
}
