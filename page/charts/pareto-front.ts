import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { SearchResult } from '../../schemas/search.ts'
import { html, textOf } from '../markup.ts'
import { countText, numberText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'
import { modelNames, soupName } from './search-names.ts'

type SearchTerms = NonNullable<SearchResult['terms']>

/** Returns the name of a term of a search, such as `accuracy on val`. */
function termName({ metric, dataset, external }: SearchTerms[number]): string {
  if (external) return `${external.name} ${external.version}`
  return `${metric ?? 'score'} on ${dataset?.name ?? dataset?.id ?? 'a data set'}`
}

/** The scores of all candidates by two terms, with those that no other candidate beats. */
export function ParetoFront({ result, terms }: { result: SearchResult; terms: SearchTerms }) {
  const { candidates, pareto = [] } = result
  const [places, setPlaces] = useState<readonly [number, number]>([0, 1])
  const nameOf = modelNames(result)
  const [x, y] = places
  const names = terms.map(termName)
  const shown = candidates.map(({ scores = [], models }, index) => ({
    value: [scores[x] ?? Number.NaN, scores[y] ?? Number.NaN],
    name: soupName(models, nameOf),
    isFront: pareto.includes(index),
  }))
  const picture: ChartPicture = ({ text, line, faint, good }) => ({
    legend: {},
    xAxis: { ...axis(names[x] ?? '', text, line), scale: true },
    yAxis: { ...axis(names[y] ?? '', text, line), scale: true },
    tooltip: { trigger: 'item' },
    series: [
      { type: 'scatter', name: 'Others', itemStyle: { color: faint }, data: shown.filter(({ isFront }) => !isFront) },
      {
        type: 'scatter',
        name: 'Pareto front',
        symbol: 'diamond',
        symbolSize: 13,
        itemStyle: { color: good },
        data: shown.filter(({ isFront }) => isFront),
      },
    ],
  })
  const choose = (place: 0 | 1) => (event: Event) => {
    const chosen = Number(textOf(event))
    setPlaces(place === 0 ? [chosen, y] : [x, chosen])
  }
  const field = (
    title: string,
    place: 0 | 1,
  ) => html`<label>${title} <select value=${String(places[place])} onChange=${choose(place)}>
    ${names.map((name, index) => html`<option value=${String(index)}>${name}</option>`)}
  </select></label>`
  return h(
    Chart,
    {
      title: 'Pareto front',
      summary: `${pareto.length} of ${countText(candidates.length)} candidates are on the front: no other candidate is as good by all terms and better by one.`,
      picture,
      columns: [
        { title: 'Candidate', isNumber: true },
        { title: 'Names' },
        ...names.map(title => ({ title, isNumber: true })),
        { title: 'On the front' },
      ],
      rows: candidates.map(({ scores = [], models }, index) => [
        countText(index + 1),
        soupName(models, nameOf),
        ...names.map((_, term) => numberText(scores[term])),
        pareto.includes(index) ? 'yes' : 'no',
      ]),
    },
    names.length > 2 && html`<p class="field">${field('Across', 0)} ${field('Up', 1)}</p>`,
  )
}

/** The winner by each term, beside the best single model by that term. */
export function termRows(terms: SearchTerms): { key: string; cells: string[] }[] {
  return terms.map((term, index) => {
    const { winner, bestSingle, outcome, test } = term
    const interval = test?.interval
    return {
      key: String(index),
      cells: [
        termName(term),
        numberText(winner),
        `${numberText(bestSingle.score)} (${bestSingle.name ?? bestSingle.model})`,
        outcome ?? '–',
        test ? numberText(test.difference) : '–',
        interval ? `${numberText(interval[0])} to ${numberText(interval[1])}` : '–',
        test?.outcome ?? '–',
      ],
    }
  })
}
