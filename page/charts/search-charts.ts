import { h } from 'preact'
import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import { html } from '../markup.ts'
import { Table } from '../parts/table.ts'
import { CandidateSizes } from './candidate-sizes.ts'
import { CandidateWeights } from './candidate-weights.ts'
import { GreedyPath } from './greedy-path.ts'
import { ParetoFront, termRows } from './pareto-front.ts'
import { ScoresInOrder } from './scores-in-order.ts'
import { ShapleyValues } from './shapley-values.ts'
import { SweepCurve } from './sweep-curve.ts'
import { TestScores } from './test-scores.ts'

/** The charts of a search that has ended: its scores, and what its strategy found. */
export function SearchCharts({ result, strategy }: { result: SearchResult; strategy: SearchRequest['strategy'] }) {
  const { test, improved, contributions, terms } = result
  const { type } = strategy
  return html`${terms && h(Terms, { terms })}
    <div class="charts">
      ${test && !terms && h(TestScores, { test, improved })}
      ${type === 'greedy' && h(GreedyPath, { result, accept: strategy.accept })}
      ${contributions && h(ShapleyValues, { contributions })} ${type === 'sweep' && h(SweepCurve, { result, strategy })}
      ${(type === 'coordinate' || type === 'cmaEs') && h(CandidateWeights, { result })}
      ${terms && terms.length > 1 && h(ParetoFront, { result, terms })} ${h(CandidateSizes, { result })}
      ${h(ScoresInOrder, { result })}
    </div>`
}

function Terms({ terms }: { terms: NonNullable<SearchResult['terms']> }) {
  return h(Table, {
    caption: 'The winner by each term',
    columns: [
      { title: 'Term' },
      { title: 'Winner', isNumber: true },
      { title: 'Best single model', isNumber: true },
      { title: 'Outcome' },
      { title: 'Difference on test', isNumber: true },
      { title: 'Interval', isNumber: true },
      { title: 'Outcome on test' },
    ],
    rows: termRows(terms),
  })
}
