import { judge, type ObjectiveTerm, referenceOf, type TermScores } from './objective.ts'
import type { TestScores } from './recommendation.ts'

/**
 * The scores on test by one term, in its unit. `best`: of the best single model by this term on selection; `bestSingle`: of the best single
 * model of the search; `base`: null without one. `interval`: of winner minus best.
 */
export type TestedTerm = {
  winner: number | null
  best: number | null
  bestSingle: number | null
  uniform: number | null
  base: number | null
  interval: [low: number, high: number] | null
  samples: number | null
  ignored: number
  leftOut: number
  /** Assumptions of the scoring. `bestSingle`: of the best single model by this term. */
  notes: TestScores['notes']
}

/**
 * Returns the objective on test. Its gains and thresholds are measured by the scores on test, but of the single models that are the best by
 * selection. `misses`: indices of the terms whose threshold the winner misses on test.
 */
export function testByTerms(
  terms: readonly ObjectiveTerm[],
  tested: readonly TestedTerm[],
): Pick<TestScores, 'winner' | 'bestSingle' | 'uniform' | 'interval' | 'direction' | 'notes'> & {
  misses: readonly number[]
} {
  const references = terms.map((term, index) =>
    referenceOf(term, tested[index]?.best ?? null, tested[index]?.base ?? null),
  )
  const judged = (scores: TermScores) => judge(terms, references, scores)
  const { value: winner, misses } = judged(tested.map(term => term.winner))
  return {
    winner,
    bestSingle: judged(tested.map(term => term.bestSingle)).value,
    uniform: judged(tested.map(term => term.uniform)).value,
    interval: null,
    direction: 'max',
    notes: { winner: undefined, bestSingle: undefined },
    misses,
  }
}
