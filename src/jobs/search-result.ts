import type { NamedModel } from '../../schemas/common.ts'
import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { isSingle } from '../search/candidate-soup.ts'
import { type PairFindings, spoilersAmong } from '../search/pair-barriers.ts'
import { recommendByTerms } from '../search/recommend-by-terms.ts'
import { type Recommendation, recommend, sideOf } from '../search/recommendation.ts'
import type { ScoredCandidate } from '../search/scored-candidate.ts'
import type { SearchEnd } from '../search/search-end.ts'
import { notesOf } from '../search/search-notes.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { isTestedOnSelection, termName } from './search-term.ts'
import { resultByTerms } from './search-terms-result.ts'
import type { SampledTestScores } from './search-test.ts'
import { bootstrap } from './test-term.ts'

/**
 * A search that has ended, with its scores on test, if it has a test data set, and the candidate to deploy. `pareto`: indices of the
 * candidates in the Pareto front; empty without a list of terms.
 */
export type ConcludedSearch = {
  end: SearchEnd
  test: SampledTestScores | null
  recommendation: Recommendation
  pareto: readonly number[]
}

/** Returns the candidate of a search to deploy. */
export function recommendationOf(
  { guard }: SearchRequest,
  search: ResolvedSearch,
  end: SearchEnd,
  test: SampledTestScores | null,
): Recommendation {
  const [best = 0] = end.bestSingle.soup.members
  const bestName = labelsOf(search)[best] ?? ''
  if (end.standings) return recommendByTerms({ end, test, termNames: search.terms.map(termName), bestName, guard })
  return recommend({ end, test, sameData: hasSameData(search), bestName, guard })
}

/** Returns the result of a search for the API. @param model the model that the search returns */
export function resultOf(
  request: SearchRequest,
  search: ResolvedSearch,
  { end, test, recommendation, pareto }: ConcludedSearch,
  model: NamedModel,
  seconds: number,
): SearchResult {
  const { models } = search
  const { winner, bestSingle, uniform, candidates, findings, direction, stopped, evaluations } = end
  const sign = direction === 'max' ? 1 : -1
  const idOf = (member: number) => models[member]?.id ?? ''
  const soupOf = ({ members, weights, rules, parameters }: CandidateSoup) => ({
    models: members.map(idOf),
    weights: [...weights],
    ...(rules.length > 0 ? { rules: rules.map(rule => ({ match: rule.match, weights: [...rule.weights] })) } : {}),
    ...(parameters ? { parameters } : {}),
  })
  const nameOf = (member: number) => models[member]?.name ?? null
  const scored = ({ soup, value, terms, misses }: ScoredCandidate) => ({
    ...soupOf(soup),
    score: value,
    ...(terms ? { scores: terms.map(term => term.value) } : {}),
    ...(misses ? { misses: [...misses] } : {}),
  })
  const named = (candidate: ScoredCandidate) => ({ ...scored(candidate), names: candidate.soup.members.map(nameOf) })
  const { contributions, barrier, pairs } = findings
  const emptyScore = request.strategy.type === 'exhaustive' ? request.strategy.emptyScore : 0
  const sameData = hasSameData(search)
  const byTerms = end.standings && resultByTerms(search, end, end.standings, test)
  const { choice, reason } = recommendation
  const [best = 0] = bestSingle.soup.members
  const { id, name, sha256 } = (choice === 'bestSingle' && !request.guard && models[best]) || model
  return {
    recommended: { choice, id, name, sha256, reason },
    model,
    models: models.map(({ id, name, sha256 }) => ({ id, name, sha256 })),
    winner: named(winner),
    bestSingle: named(bestSingle),
    uniform: uniform && named(uniform),
    candidates: candidates.map(candidate => ({
      ...scored(candidate),
      seconds: candidate.seconds,
      cached: candidate.cached,
    })),
    ...(byTerms ? { ...byTerms, pareto: [...pareto] } : {}),
    ...(contributions
      ? {
          contributions: contributions.map(({ shapley, marginal }, index) => ({
            model: idOf(index),
            name: nameOf(index),
            shapley: sign * shapley - emptyScore / models.length,
            marginal: sign * marginal,
            spoils: marginal < 0,
          })),
          emptyScore,
        }
      : {}),
    ...(barrier ? { barrier } : {}),
    ...(pairs ? { pairs: shownPairs(pairs, idOf) } : {}),
    improved: test && (sameData && !isSingle(winner.soup) ? null : improved(test)),
    test: test && {
      winner: test.winner,
      bestSingle: test.bestSingle,
      uniform: test.uniform,
      difference: differenceOf(test),
      interval: test.interval,
      direction: test.direction,
      confidence: test.confidence,
      replicates: bootstrap.replicates,
      samples: test.samples,
      ignored: test.ignored,
      leftOut: test.leftOut,
    },
    ignored: winner.ignored ?? 0,
    direction,
    stopped,
    evaluations,
    seconds,
    notes: notesOf({
      request,
      names: labelsOf(search),
      end,
      test,
      sameData,
      recommendation,
      termNames: search.terms.map(termName),
    }),
  }
}

function shownPairs({ barriers, groups }: PairFindings, idOf: (model: number) => string): SearchResult['pairs'] {
  return {
    barriers: barriers.map(({ a, b, barrier }) => ({ a: idOf(a), b: idOf(b), barrier })),
    groups: groups.map(members => members.map(idOf)),
    spoilers: spoilersAmong(groups).map(idOf),
  }
}

/** Returns the name of each model; its id if it has none. */
function labelsOf({ models }: ResolvedSearch): string[] {
  return models.map(({ id, name }) => name ?? id)
}

/** True if test of a term has the samples that choose the winner. */
function hasSameData({ terms }: ResolvedSearch): boolean {
  return terms.some(isTestedOnSelection)
}

/** True if the winner is certainly better than the best single model on test, and meets all thresholds there; null without an interval. */
function improved(test: SampledTestScores): boolean | null {
  const side = sideOf(test)
  return side && side === 'better' && !test.misses?.length
}

function differenceOf({ winner, bestSingle }: SampledTestScores): number | null {
  return winner === null || bestSingle === null ? null : winner - bestSingle
}
