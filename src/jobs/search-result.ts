import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { isSingle } from '../search/candidate-soup.ts'
import { type Direction, goodness } from '../search/ranking.ts'
import type { ScoredCandidate } from '../search/run-search.ts'
import type { SearchEnd } from '../search/search-end.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { bootstrap, type TestScores } from './search-test.ts'

/** Returns the result of a search for the API, without its model. */
export function resultOf(
  request: SearchRequest,
  { models, selection, test: testing }: ResolvedSearch,
  end: SearchEnd,
  test: TestScores | null,
  seconds: number,
): Omit<SearchResult, 'model'> {
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
  const scored = ({ soup, value }: ScoredCandidate) => ({ ...soupOf(soup), score: value })
  const named = (candidate: ScoredCandidate) => ({ ...scored(candidate), names: candidate.soup.members.map(nameOf) })
  const { contributions, barrier } = findings
  const emptyScore = request.strategy.type === 'exhaustive' ? request.strategy.emptyScore : 0
  const difference = differenceOf(test)
  const sameData = testing?.dataset.sha256 === selection.dataset.sha256
  return {
    models: models.map(({ id, name, sha256 }) => ({ id, name, sha256 })),
    winner: named(winner),
    bestSingle: named(bestSingle),
    uniform: uniform && named(uniform),
    candidates: candidates.map(candidate => ({
      ...scored(candidate),
      seconds: candidate.seconds,
      cached: candidate.cached,
    })),
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
    improved: test && (sameData && !isSingle(winner.soup) ? null : improved(test, direction)),
    test: test && {
      winner: test.winner,
      bestSingle: test.bestSingle,
      uniform: test.uniform,
      difference,
      interval: test.interval,
      confidence: bootstrap.confidence,
      replicates: bootstrap.replicates,
      samples: test.samples,
    },
    direction,
    stopped,
    evaluations,
    seconds,
    notes: notesOf(request, end, test, sameData),
  }
}

function differenceOf(test: TestScores | null): number | null {
  if (test === null || test.winner === null || test.bestSingle === null) return null
  return test.winner - test.bestSingle
}

/** True if the whole interval of winner minus best single is on the better side of 0; null without an interval. */
function improved({ interval }: TestScores, direction: Direction): boolean | null {
  if (interval === null) return null
  return direction === 'max' ? interval[0] > 0 : interval[1] < 0
}

function notesOf(request: SearchRequest, end: SearchEnd, test: TestScores | null, sameData: boolean): string[] {
  const { winner, uniform, candidates, stopped, direction } = end
  const notes: string[] = []
  if (isSingle(winner.soup)) {
    notes.push(
      candidates.every(({ soup }) => isSingle(soup))
        ? 'no soup was scored before the budget was spent; the result is the best single model'
        : 'no soup scored better than the best single model; the result is that model',
    )
  } else if (!test) {
    notes.push(
      `the winner is the best of ${candidates.length} on the data that chose it, so its score is too optimistic; send test to score it on other data`,
    )
  }
  if (uniform && goodness(uniform.value, direction) > goodness(winner.value, direction))
    notes.push(
      'the mean of all models scored better than the winner, but the strategy did not propose it; request it as a merge',
    )
  if (stopped) {
    const budget = request.budget[stopped]
    notes.push(`the budget of ${budget} ${stopped} ended the search early; the winner is the best so far`)
  }
  const withoutScore = candidates.filter(({ value }) => value === null).length
  if (withoutScore > 0)
    notes.push(
      `${withoutScore} of the candidates have no score, because their outputs or the scoring metric are not finite`,
    )
  if (test && sameData && !isSingle(winner.soup))
    notes.push(
      'test is the data set that chose the winner, so its scores are too optimistic; send another data set as test',
    )
  if (test && test.interval === null)
    notes.push(
      'the difference on test has no interval, because the scoring metric has one value for each batch, or none for most resamples',
    )
  return notes
}
