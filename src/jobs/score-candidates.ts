import type { JobProgress } from '../../schemas/job.ts'
import type { SearchRequest } from '../../schemas/search.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { shortTurn } from '../own-turn.ts'
import { runSearch } from '../search/run-search.ts'
import type { ScoredCandidate } from '../search/scored-candidate.ts'
import { endOf, type SearchEnd } from '../search/search-end.ts'
import { createStrategy } from '../search/strategies/strategy-registry.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { deadlineOf, type SearchClock } from './search-clock.ts'
import type { SearchScorer } from './search-scorer.ts'
import { soupOfBase } from './search-soups.ts'
import { directionOfScores, objectiveTerms } from './search-term.ts'

/**
 * A choice by scores from outside, which takes many starts of the search. `deadline`: ends the choice with all scores so far; `needs`: hears that an
 * anticipated soup is needed.
 */
export type ChoiceFromOutside = { deadline: AbortSignal; needs(soup: CandidateSoup): void }

/** Returns the number of candidates that a search scores at most. */
export function expectedCandidates(
  { strategy, budget }: Pick<SearchRequest, 'strategy' | 'budget'>,
  { models, groups, dimensions }: ResolvedSearch,
): number {
  const most = createStrategy(strategy).candidates(models.length, groups.length, dimensions.length)
  return Math.min(budget.evaluations ?? Number.POSITIVE_INFINITY, most)
}

/** Scores the candidates of a search's strategy until it ends or the budget is spent. @param onProgress hears of each score */
export async function scoreCandidates(
  { strategy: chosen, budget }: Pick<SearchRequest, 'strategy' | 'budget'>,
  search: ResolvedSearch,
  { score, hasSpare }: Pick<SearchScorer, 'score' | 'hasSpare'>,
  clock: SearchClock,
  onProgress: (progress: JobProgress) => void,
  outside?: ChoiceFromOutside,
): Promise<SearchEnd> {
  const strategy = createStrategy(chosen)
  const { models, groups, dimensions, method, terms, isList } = search
  const direction = directionOfScores(search)
  const maximumEvaluations = budget.evaluations ?? Number.POSITIVE_INFINITY
  const expected = expectedCandidates({ strategy: chosen, budget }, search)
  let best: ScoredCandidate | undefined
  const tell = (done: number, total: number, message: string) =>
    onProgress({ done, total, message, best: best?.value ?? null, ...clock.times(done, total) })
  const base = isList ? soupOfBase(search) : null
  const outcome = await runSearch({
    strategy,
    models: models.length,
    groups,
    dimensions,
    method,
    direction,
    ...(isList ? { terms: objectiveTerms(terms) } : {}),
    ...(base ? { base } : {}),
    maximumEvaluations,
    deadline: outside?.deadline ?? deadlineOf(clock),
    ...(outside ? { needs: outside.needs, isOutside: true } : {}),
    score,
    hasSpare,
    turn: shortTurn,
    onScored(_, done, bestSoFar) {
      best = bestSoFar
      const total = Math.max(done, expected)
      tell(done, total, `candidate ${done} of ${total}`)
    },
  })
  // A strategy may need fewer candidates than expected, and a budget may end it.
  const scored = outcome.candidates.length
  tell(scored, scored, `${scored} candidates scored`)
  return endOf(outcome, direction)
}
