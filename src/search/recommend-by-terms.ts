import { isSingle } from './candidate-soup.ts'
import { goodness } from './ranking.ts'
import { placeOf, type Recommendation, sideOf, type TestScores } from './recommendation.ts'
import type { SearchEnd } from './search-end.ts'
import { shownNumber } from './shown-number.ts'
import type { TestedTerm } from './test-by-terms.ts'

/** Facts about a search by a list of terms that its recommendation depends on. `termNames`: the name of each term. */
export type TestedByTerms = {
  end: Pick<SearchEnd, 'winner' | 'bestSingle' | 'standings'>
  test: (Omit<TestScores, 'uniform' | 'notes'> & { terms?: readonly TestedTerm[] | undefined }) | null
  termNames: readonly string[]
  /** Name of the best single model. */
  bestName: string
  /** True if the recommended model is the result. */
  guard?: boolean | undefined
}

/**
 * Recommends the winner of a search by a list of terms, unless its objective on test is worse than that of the best single model. A single model that misses a
 * threshold is not recommended.
 */
export function recommendByTerms({ end, test, termNames, bestName, guard }: TestedByTerms): Recommendation {
  const winner = (reason: string, isNoted = false): Recommendation => ({ choice: 'winner', reason, isNoted })
  if (isSingle(end.winner.soup)) return winner(`the winner is the best single model (${bestName})`)
  if (test === null) return winner('there is no test data set to check the winner on')
  const place = placeOf(test)
  const changes = changesOf(test.terms ?? [], end.standings?.terms ?? [], termNames)
  const standing = `the objective of the winner on test is ${shown(test.winner)}, that of the best single model (${bestName}) ${shown(test.bestSingle)}${place === undefined ? '' : `; ${place}`}${changes}`
  const side = sideOf(test)
  const isUncertain = side === 'around 0' || side === 'worse'
  const isWorse = goodness(test.winner, 'max') < goodness(test.bestSingle, 'max')
  const chosen = guard ? '; guard has now chosen by test, so the scores on test are too optimistic' : ''
  if (isWorse && end.bestSingle.misses?.length)
    return winner(`the winner does not hold up: ${standing}; but every single model misses atLeast of a term`, true)
  if (isWorse)
    return { choice: 'bestSingle', reason: `the winner does not hold up: ${standing}${chosen}`, isNoted: true }
  if (isUncertain) return winner(`the winner does not hold up: ${standing}${chosen}`, true)
  return winner(`${standing}${chosen}`, guard === true)
}

/** Returns the rest of a sentence: the terms in which the winner is certainly better or worse on test than the best single model by them. */
function changesOf(
  tested: readonly TestedTerm[],
  terms: readonly { direction: 'max' | 'min' }[],
  names: readonly string[],
): string {
  const sides = tested.map(({ interval }, index) => sideOf({ interval, direction: terms[index]?.direction ?? 'max' }))
  const named = (side: 'better' | 'worse', verb: string) => {
    const found = names.filter((_, index) => sides[index] === side)
    return found.length > 0 ? `; it ${verb} in ${found.join(', ')}` : ''
  }
  return named('better', 'gains') + named('worse', 'loses')
}

function shown(value: number | null): string {
  return value === null ? 'not defined' : shownNumber(value)
}
