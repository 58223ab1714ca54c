import { TureenError } from '../errors.ts'
import { isSingle } from './candidate-soup.ts'
import { constraintsUnmet } from './constraints-unmet.ts'
import { bestOf, type Direction } from './ranking.ts'
import type { ScoredCandidate } from './scored-candidate.ts'
import type { SearchOutcome } from './search.ts'

/**
 * The outcome of a search with its best soup and its best single model. Without a score for any single model,
 * `bestSingle` is the first one, and its score is null. If all single models miss thresholds, it is the best of them.
 */
export type SearchEnd = SearchOutcome & { direction: Direction; winner: ScoredCandidate; bestSingle: ScoredCandidate }

/**
 * Finds the winner and the best single model of a finished search. The mean of all models wins if the strategy proposed
 * no soup with a score, or none that meets the thresholds.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if no soup has a score; `TUREEN_CONSTRAINTS_UNMET` if none meets the thresholds of all terms
 */
export function endOf(outcome: SearchOutcome, direction: Direction): SearchEnd {
  const { candidates, uniform, standings } = outcome
  const singles = candidates.filter(({ soup }) => isSingle(soup))
  const winner = bestOf(candidates, direction) ?? bestOf(uniform ? [uniform] : [], direction)
  const bestSingle = bestOf(singles, direction) ?? bestDespiteMisses(singles, direction) ?? singles[0]
  if (winner && bestSingle) return { ...outcome, direction, winner, bestSingle }
  const scored = [...candidates, ...(uniform && !candidates.includes(uniform) ? [uniform] : [])]
  if (standings && scored.some(({ value }) => value !== null)) throw constraintsUnmet(standings, scored)
  throw nothingToChooseBy(scored, outcome)
}

function bestDespiteMisses(singles: readonly ScoredCandidate[], direction: Direction): ScoredCandidate | undefined {
  return bestOf(
    singles.map(single => ({ soup: single.soup, value: single.value, single })),
    direction,
  )?.single
}

function nothingToChooseBy(
  scored: readonly ScoredCandidate[],
  { evaluations, standings }: Pick<SearchOutcome, 'evaluations' | 'standings'>,
): TureenError {
  const empty =
    standings?.terms.findIndex((_, term) => scored.every(({ terms }) => terms?.[term]?.value === null)) ?? -1
  const noteOf = (candidate: ScoredCandidate) => (empty < 0 ? candidate.note : candidate.terms?.[empty]?.note)
  const note = scored.map(noteOf).find(each => each !== undefined)
  const field = standings ? `selection.${Math.max(0, empty)}` : 'selection'
  const what =
    standings && empty < 0
      ? 'none of the candidates has a finite score in every term of selection'
      : `the metric ${empty < 0 ? '' : `of ${field} `}has no finite value for any of the candidates`
  const message = `${what}${note === undefined ? '' : ` (${note})`}`
  return new TureenError(
    'TUREEN_METRIC_MISMATCH',
    `There is nothing to choose by: ${message}. Evaluate one model to see why, or choose another metric.`,
    [
      {
        field: `${field}.metric`,
        expected: 'a finite score',
        actual: `${evaluations} candidates without one`,
        message,
      },
    ],
  )
}
