import type { JobProgress } from '../../schemas/job.ts'
import type { SearchRequest } from '../../schemas/search.ts'
import { bestOf } from '../search/ranking.ts'
import { runSearch, type ScoredCandidate } from '../search/run-search.ts'
import { endOf, type SearchEnd } from '../search/search-end.ts'
import { createStrategy } from '../search/strategies/strategy-registry.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { deadlineOf, type SearchClock } from './search-clock.ts'
import type { SearchScorer } from './search-scorer.ts'

/** Scores the candidates of a search's strategy until it ends or the budget is spent. @param onProgress hears of each score */
export async function scoreCandidates(
  { strategy: chosen, budget }: Pick<SearchRequest, 'strategy' | 'budget'>,
  { models, groups, dimensions, method, selection }: ResolvedSearch,
  { score, hasSpare }: Pick<SearchScorer, 'score' | 'hasSpare'>,
  clock: SearchClock,
  onProgress: (progress: JobProgress) => void,
): Promise<SearchEnd> {
  const strategy = createStrategy(chosen)
  const { direction } = selection.metric
  const maximumEvaluations = budget.evaluations ?? Number.POSITIVE_INFINITY
  const expected = Math.min(maximumEvaluations, strategy.candidates(models.length, groups.length, dimensions.length))
  let best: ScoredCandidate | undefined
  const tell = (done: number, total: number, message: string) =>
    onProgress({ done, total, message, best: best?.value ?? null, ...clock.times(done, total) })
  const outcome = await runSearch({
    strategy,
    models: models.length,
    groups,
    dimensions,
    method,
    direction,
    maximumEvaluations,
    deadline: deadlineOf(clock),
    score,
    hasSpare,
    onScored(candidate, done) {
      best = bestOf(best ? [best, candidate] : [candidate], direction)
      const total = Math.max(done, expected)
      tell(done, total, `candidate ${done} of ${total}`)
    },
  })
  // A strategy may need fewer candidates than expected, and a budget may end it.
  const scored = outcome.candidates.length
  tell(scored, scored, `${scored} candidates scored`)
  return endOf(outcome, direction)
}
