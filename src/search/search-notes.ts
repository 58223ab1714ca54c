import type { SearchRequest } from '../../schemas/search.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { isSingle } from './candidate-soup.ts'
import { notesOnPairs } from './pair-notes.ts'
import { rankOf } from './ranking.ts'
import type { Recommendation, TestScores } from './recommendation.ts'
import type { ScoredCandidate } from './scored-candidate.ts'
import type { SearchEnd } from './search-end.ts'
import { notesOnTerms } from './term-notes.ts'
import type { TestedTerm } from './test-by-terms.ts'

/**
 * Everything that the notes of a search tell about. `names`: name of each model. `termNames`: name of each term, for a list of terms.
 * `sameData`: true if test has chosen the winner.
 */
export type NotedSearch = {
  request: Pick<SearchRequest, 'strategy' | 'budget' | 'guard' | 'outputDtype' | 'recalibrate'>
  names: readonly string[]
  end: SearchEnd
  test: (TestScores & { samples?: number | null; terms?: readonly TestedTerm[]; misses?: readonly number[] }) | null
  termNames?: readonly string[]
  sameData: boolean
  recommendation: Recommendation
}

/** Most candidates, and most models of one candidate, that a note names. */
const mostNamed = 5

/** Returns remarks on the result of a search. A winner that does not hold up on test comes first. */
export function notesOf(search: NotedSearch): string[] {
  const { request, end, test, termNames = [], sameData, recommendation } = search
  const hasSoup = !isSingle(end.winner.soup)
  const notes = recommendation.isNoted ? [recommendation.reason] : []
  if (recommendation.choice === 'bestSingle' && !request.guard && request.outputDtype)
    notes.push(`the recommended model keeps its element types; send guard to get it as ${request.outputDtype}`)
  notes.push(
    ...notesOnChoice(search),
    ...(end.findings.pairs ? notesOnPairs(end.findings.pairs, search.names, request.recalibrate !== undefined) : []),
    ...notesOnTerms({ ...search, tested: test?.terms, objective: test, missedOnTest: test?.misses ?? [], termNames }),
    ...notesOnMissing(search),
    ...notesOnScoring(search),
  )
  if (test && sameData && hasSoup)
    notes.push(
      'test is the data set that chose the winner, so its scores are too optimistic; send another data set as test',
    )
  if (test && !end.standings && test.interval === null && test.winner !== null && test.bestSingle !== null)
    notes.push(
      test.samples === null
        ? 'the difference on test has no interval, because the scorer did not send a score for each sample of both models'
        : 'the difference on test has no interval, because the scoring metric has one value for each batch, or none for most resamples',
    )
  return notes
}

/** Notes on how the winner was chosen. */
function notesOnChoice({ request, end, test, names }: NotedSearch): string[] {
  const { winner, uniform, candidates, stopped, direction } = end
  const singles = candidates.filter(({ soup }) => isSingle(soup)).length
  const notes: string[] = []
  if (isSingle(winner.soup)) {
    notes.push(
      candidates.length === singles
        ? 'no soup was scored before the budget was spent; the result is the best single model'
        : 'no soup scored better than the best single model; the result is that model',
    )
  } else if (!test) {
    notes.push(
      `the winner is the best of ${candidates.length} on the data that chose it, so its score is too optimistic; send test to score it on other data`,
    )
  }
  if (uniform && rankOf(uniform, direction) > rankOf(winner, direction))
    notes.push(
      'the mean of all models scored better than the winner, but the strategy did not propose it; request it as a merge',
    )
  if (stopped) {
    const budget = request.budget[stopped]
    notes.push(`the budget of ${budget} ${stopped} ended the search early; the winner is the best so far`)
    if (singles < names.length)
      notes.push(
        `only ${singles} of the ${names.length} models were scored by themselves; the best of these is bestSingle`,
      )
  }
  return notes
}

/** Notes on candidates without a score. */
function notesOnMissing({ request, end, test, names }: NotedSearch): string[] {
  const { winner, candidates, uniform } = end
  const failed = candidates.filter(candidate => failureOf(candidate) !== undefined)
  const without = candidates.filter(candidate => candidate.value === null && failureOf(candidate) === undefined)
  const notes: string[] = []
  if (failed.length > 0) {
    const named = failed
      .slice(0, mostNamed)
      .map(candidate => `${nameOfSoup(candidate.soup, names)} (${failureOf(candidate)})`)
    notes.push(
      `${failed.length} of the candidates have no score from outside, and rank last: ${listed(named, failed.length, '; ')}`,
    )
  }
  if (without.length > 0) {
    const named = without.slice(0, mostNamed).map(({ soup }) => nameOfSoup(soup, names))
    notes.push(
      `${without.length} of the candidates have no score, because their outputs or the scoring metric are not finite: ${listed(named, without.length, '; ')}`,
    )
  }
  if (failed.length + without.length > 0) {
    if (request.strategy.type === 'exhaustive')
      notes.push('without a score of every candidate there are no Shapley values')
    if (request.strategy.type === 'sweep') notes.push('without a score of every candidate there is no loss barrier')
    if (request.strategy.type === 'pairs') notes.push('a pair without a score counts as one with a barrier')
  }
  if (uniform && !candidates.includes(uniform)) {
    const failure = failureOf(uniform)
    if (failure !== undefined) notes.push(`the mean of all models has no score from outside: ${failure}`)
    else if (uniform.value === null)
      notes.push('the mean of all models has no score, because its outputs or the scoring metric are not finite')
  }
  if (uniform === winner && !candidates.includes(winner))
    notes.push(
      end.standings
        ? 'no candidate of the strategy has a score and meets atLeast of all terms; the winner is the mean of all models'
        : 'no candidate of the strategy has a score; the winner is the mean of all models',
    )
  const { weights, members } = winner.soup
  if (test && uniform && test.uniform === null && (members.length < names.length || new Set(weights).size > 1))
    notes.push('the mean of all models has no score on test')
  return notes
}

/** Returns why a scorer outside of the server gave a candidate no score; undefined if it gave all. */
function failureOf({ failure, terms = [] }: ScoredCandidate): string | undefined {
  return failure ?? terms.map(term => term.failure).find(each => each !== undefined)
}

/** Assumptions of the scoring of the winner and of the best single model. */
function notesOnScoring({ end, test }: NotedSearch): string[] {
  const { winner, bestSingle, standings } = end
  if (standings)
    return standings.terms.flatMap((term, index) => {
      const notes = { winner: winner.terms?.[index]?.note, bestSingle: term.bestSingle?.terms?.[index]?.note }
      const tested = test?.terms?.[index]
      return [
        ...assumptions(`selection.${index}`, notes),
        ...(tested ? assumptions(`test.${index}`, tested.notes) : []),
      ]
    })
  return [
    ...assumptions('selection', { winner: winner.note, bestSingle: bestSingle.note }),
    ...(test ? assumptions('test', test.notes) : []),
  ]
}

function assumptions(data: string, { winner, bestSingle }: TestScores['notes']): string[] {
  const ofWinner = winner === undefined ? [] : [`scoring on ${data}: ${winner}`]
  if (bestSingle === undefined || bestSingle === winner) return ofWinner
  return [...ofWinner, `scoring of the best single model on ${data}: ${bestSingle}`]
}

/** Returns a soup in words, such as `ft0 + ft3`, with weights if they differ. */
function nameOfSoup({ members, weights, parameters }: CandidateSoup, names: readonly string[]): string {
  const isEven = new Set(weights).size <= 1
  const terms = members
    .slice(0, mostNamed)
    .map((member, index) => (isEven ? (names[member] ?? '') : `${weights[index]} ${names[member] ?? ''}`))
  const with_ = Object.entries(parameters ?? {}).map(([name, value]) => `${name} ${value}`)
  return `${listed(terms, members.length, ' + ')}${with_.length > 0 ? ` with ${with_.join(', ')}` : ''}`
}

/** Joins texts, and says how many of `count` are left out. */
function listed(texts: readonly string[], count: number, separator: string): string {
  const more = count - texts.length
  return [...texts, ...(more > 0 ? [`${more} more`] : [])].join(separator)
}
