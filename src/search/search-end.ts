import { TureenError } from '../errors.ts'
import { isSingle } from './candidate-soup.ts'
import { bestOf, type Direction } from './ranking.ts'
import type { ScoredCandidate, SearchOutcome } from './run-search.ts'

/** The outcome of a search with its best soup and its best single model. */
export type SearchEnd = SearchOutcome & { direction: Direction; winner: ScoredCandidate; bestSingle: ScoredCandidate }

/**
 * Finds the winner and the best single model of a finished search.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if no soup has a score
 */
export function endOf(outcome: SearchOutcome, direction: Direction): SearchEnd {
  const winner = bestOf(outcome.candidates, direction)
  const bestSingle = bestOf(
    outcome.candidates.filter(({ soup }) => isSingle(soup)),
    direction,
  )
  if (winner && bestSingle) return { ...outcome, direction, winner, bestSingle }
  const message = 'the metric has no finite value for any of the models by themselves'
  throw new TureenError(
    'TUREEN_METRIC_MISMATCH',
    `There is nothing to choose by: ${message}. Evaluate one model to see why, or choose another metric.`,
    [{ field: 'selection.metric', expected: 'a finite score', message }],
  )
}
