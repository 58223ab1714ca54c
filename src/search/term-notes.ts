import { goodness } from './ranking.ts'
import { sideOf, type TestScores } from './recommendation.ts'
import type { SearchEnd } from './search-end.ts'
import { shownNumber } from './shown-number.ts'
import type { TermStanding } from './standings.ts'
import type { TestedTerm } from './test-by-terms.ts'

/** Everything that notes on terms tell about. `names`: name of each model. `termNames`: name of each term. */
export type NotedTerms = {
  end: SearchEnd
  tested: readonly TestedTerm[] | undefined
  /** The objective on test; null without test. */
  objective: Pick<TestScores, 'winner' | 'bestSingle' | 'interval'> | null
  /** Indices of the terms whose threshold the winner misses on test. */
  missedOnTest: readonly number[]
  names: readonly string[]
  termNames: readonly string[]
}

/** Returns notes on the terms of a search: those in which the winner lost, and those without gains in parts of the best score. None without terms. */
export function notesOnTerms(noted: NotedTerms): string[] {
  const { end, tested, missedOnTest, termNames } = noted
  const terms = end.standings?.terms ?? []
  const nameOf = (index: number) => termNames[index] ?? ''
  const ruledOut = end.candidates.filter(({ misses }) => misses?.length).length
  return [
    ...terms.flatMap((term, index) => noteOnLoss(term, index, noted)),
    ...missedOnTest.map(index => `on test the winner misses atLeast of ${nameOf(index)}`),
    ...(ruledOut > 0 ? [`${ruledOut} of the ${end.candidates.length} candidates miss atLeast of a term`] : []),
    ...terms.flatMap(({ best }, index) =>
      best === 0
        ? [`the best single model by ${nameOf(index)} scores 0, so gains in this term are differences of scores`]
        : [],
    ),
    ...(tested ?? []).flatMap(({ winner, best, interval }, index) =>
      interval === null && winner !== null && best !== null
        ? [`the difference on test by ${nameOf(index)} has no interval, because it has no value for each sample`]
        : [],
    ),
    ...noteOnObjective(noted),
  ]
}

/** Returns the reason why the objective on test has no interval; none if it has one, or is not defined. */
function noteOnObjective({ tested = [], objective, termNames }: NotedTerms): string[] {
  if (!objective || objective.interval !== null || objective.winner === null || objective.bestSingle === null) return []
  const lacking = termNames.filter((_, index) => tested[index]?.gains === null)
  return [
    lacking.length > 0
      ? `the objective on test has no interval, because there is no score for each sample by ${lacking.join(', ')}`
      : 'the objective on test has no interval, because it is not defined for most resamples',
  ]
}

function noteOnLoss(
  { direction, best, bestSingle }: TermStanding,
  index: number,
  { end, tested, names, termNames }: NotedTerms,
): string[] {
  const name = termNames[index] ?? ''
  const single = names[bestSingle?.soup.members[0] ?? 0] ?? ''
  const value = end.winner.terms?.[index]?.value ?? null
  const loses = value !== null && best !== null && goodness(value, direction) < goodness(best, direction)
  const onSelection = loses
    ? [
        `the winner loses in ${name}: ${shownNumber(value)}, and the best single model by it (${single}) ${shownNumber(best)}`,
      ]
    : []
  const test = tested?.[index]
  if (!test?.interval || sideOf({ interval: test.interval, direction }) !== 'worse') return onSelection
  const [low, high] = test.interval.map(shownNumber)
  return [...onSelection, `the winner loses in ${name} on test: the interval of the difference is ${low} to ${high}`]
}
