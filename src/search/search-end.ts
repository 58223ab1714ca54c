import { TureenError } from '../errors.ts'
import { isSingle } from './candidate-soup.ts'
import { bestOf, type Direction } from './ranking.ts'
import type { ScoredCandidate, SearchOutcome } from './run-search.ts'

/**
 * The outcome of a search with its best soup and its best single model. Without a score for any single model,
 * `bestSingle` is the first one, and its score is null.
 */
export type SearchEnd = SearchOutcome & { direction: Direction; winner: ScoredCandidate; bestSingle: ScoredCandidate }

/**
 * Finds the winner and the best single model of a finished search. The mean of all models wins if the strategy proposed
 * no soup with a score.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if no soup has a score
 */
export function endOf(outcome: SearchOutcome, direction: Direction): SearchEnd {
  const { candidates, uniform, evaluations } = outcome
  const singles = candidates.filter(({ soup }) => isSingle(soup))
  const winner = bestOf(candidates, direction) ?? bestOf(uniform ? [uniform] : [], direction)
  const bestSingle = bestOf(singles, direction) ?? singles[0]
  if (winner && bestSingle) return { ...outcome, direction, winner, bestSingle }
  const note = [...candidates, uniform].find(candidate => candidate?.note !== undefined)?.note
  const message = `the metric has no finite value for any of the candidates${note === undefined ? '' : ` (${note})`}`
  throw new TureenError(
    'TUREEN_METRIC_MISMATCH',
    `There is nothing to choose by: ${message}. Evaluate one model to see why, or choose another metric.`,
    [
      {
        field: 'selection.metric',
        expected: 'a finite score',
        actual: `${evaluations} candidates without one`,
        message,
      },
    ],
  )
}
