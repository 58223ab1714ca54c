import { type ProblemItem, TureenError } from '../errors.ts'
import { bestOf, type Direction } from './ranking.ts'
import type { ScoredCandidate } from './scored-candidate.ts'
import { shownNumber } from './shown-number.ts'
import type { Standings, TermStanding } from './standings.ts'

/**
 * Returns the error of a search of which no candidate meets the thresholds of all terms. Each term with a threshold is a cause, with the best
 * score of any candidate.
 */
export function constraintsUnmet({ terms }: Standings, candidates: readonly ScoredCandidate[]): TureenError {
  const causes = terms.flatMap((term, index) =>
    term.threshold === undefined ? [] : [causeOf(term, term.threshold, index, candidates)],
  )
  const list = causes.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new TureenError(
    'TUREEN_CONSTRAINTS_UNMET',
    `None of the ${candidates.length} candidates is good enough in all terms. ${list}. Relax atLeast, or search more candidates; the scores are kept.`,
    causes,
  )
}

function causeOf(
  { direction, atLeast }: TermStanding,
  threshold: number | null,
  index: number,
  candidates: readonly ScoredCandidate[],
): ProblemItem {
  const field = `selection.${index}.atLeast`
  const scored = candidates.map(({ soup, terms }) => ({ soup, value: terms?.[index]?.value ?? null }))
  const best = bestOf(scored, direction)?.value ?? null
  const actual = best === null ? 'no score' : `${best}`
  if (threshold === null) {
    const reference = typeof atLeast === 'object' && atLeast?.of === 'base' ? 'the base' : 'the best single model'
    return { field, expected: `a score of ${reference}`, actual, message: `${reference} has no score in this term` }
  }
  const meeting = candidates.filter(({ misses }) => !misses?.includes(index)).length
  const reached = best === null ? 'no candidate has a score' : `the best candidate has ${shownNumber(best)}`
  const message = `needs ${shownNumber(threshold)} or ${betterOf(direction)}, ${reached}, and ${meeting} of ${candidates.length} meet it`
  return { field, expected: `${threshold} or ${betterOf(direction)}`, actual, message }
}

function betterOf(direction: Direction): string {
  return direction === 'max' ? 'more' : 'less'
}
