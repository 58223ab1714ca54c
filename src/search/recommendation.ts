import { isSingle } from './candidate-soup.ts'
import { type Direction, goodness } from './ranking.ts'
import type { SearchEnd } from './search-end.ts'
import { shownNumber } from './shown-number.ts'

/** Scores of a search on its test data set, in the metric's unit; null for a score that is not finite or not defined. */
export type TestScores = {
  winner: number | null
  bestSingle: number | null
  /** The score of the mean of all models. */
  uniform: number | null
  /** Confidence interval of winner minus best single, from a paired bootstrap; null if there is none. */
  interval: [low: number, high: number] | null
  /** Confidence level of the interval, between 0 and 1. */
  confidence: number
  direction: Direction
  /** Assumptions of the scoring, such as outputs that were read as logits. */
  notes: { winner: string | undefined; bestSingle: string | undefined }
}

/** The place of an interval: wholly where the winner is better, wholly where it is worse, or with 0 inside. */
export type IntervalSide = 'better' | 'worse' | 'around 0'

/** Returns where the interval of winner minus best single lies; null without an interval. An end at 0 counts as inside. */
export function sideOf({ interval, direction }: Pick<TestScores, 'interval' | 'direction'>): IntervalSide | null {
  if (interval === null) return null
  const [low, high] = interval
  if (low <= 0 && high >= 0) return 'around 0'
  return low > 0 === (direction === 'max') ? 'better' : 'worse'
}

/**
 * The candidate of a search to deploy, and the reason in one sentence. `isNoted`: true if the reason limits the result of the search,
 * so that the notes have it too.
 */
export type Recommendation = { choice: 'winner' | 'bestSingle'; reason: string; isNoted: boolean }

/** Facts about a search that its recommendation depends on. `sameData`: true if test is the data set that chose the winner. */
export type TestedSearch = {
  end: Pick<SearchEnd, 'winner' | 'bestSingle'>
  test: TestScores | null
  sameData: boolean
  /** Name of the best single model. */
  bestName: string
  /** True if the recommended model is the result. */
  guard?: boolean | undefined
}

/**
 * Recommends the winner of a search, unless it scores worse on test than the best single model. A null score is worse than all others.
 * The winner holds up if the whole interval of the difference is on the better side of 0, on data that did not choose it.
 */
export function recommend({ end, test, sameData, bestName, guard }: TestedSearch): Recommendation {
  if (isSingle(end.winner.soup))
    return { choice: 'winner', reason: `the winner is the best single model (${bestName})`, isNoted: false }
  if (test === null)
    return { choice: 'winner', reason: 'there is no test data set to check the winner on', isNoted: false }
  const { direction } = test
  const isWorse = goodness(test.winner, direction) < goodness(test.bestSingle, direction)
  const side = sideOf(test)
  const fails = isWorse || side === 'around 0' || side === 'worse'
  const subject = fails ? 'the winner does not hold up: it' : 'the winner'
  const standing = standingOf(test, `the best single model (${bestName})`)
  const same = sameData ? '; test is the data set that chose the winner' : ''
  const chosen = guard ? '; guard has now chosen by test, so the scores on test are too optimistic' : ''
  return {
    choice: isWorse ? 'bestSingle' : 'winner',
    reason: `${subject} ${standing}${same}${chosen}`,
    isNoted: guard || sameData || side !== 'better',
  }
}

/** Returns an interval of the difference in words, with its place; undefined without one. */
export function placeOf(test: Pick<TestScores, 'interval' | 'confidence' | 'direction'>): string | undefined {
  if (test.interval === null) return undefined
  const side = sideOf(test)
  const place = side === 'around 0' ? 'includes 0' : `is wholly ${side}`
  const [low, high] = test.interval.map(shownNumber)
  return `the ${shownNumber(100 * test.confidence)} % interval of the difference, ${low} to ${high}, ${place}`
}

/** Returns the rest of a sentence about the winner: its place on test beside the best single model. */
function standingOf(test: TestScores, single: string): string {
  const { winner, bestSingle } = test
  if (winner === null)
    return `has no score on test, and ${single} has ${bestSingle === null ? 'none either' : shownNumber(bestSingle)}`
  if (bestSingle === null) return `scores ${shownNumber(winner)} on test, and ${single} has no score there`
  const scores = `scores ${shownNumber(winner)} on test, ${single} ${shownNumber(bestSingle)}`
  return `${scores}; ${placeOf(test) ?? 'the difference has no interval'}`
}
