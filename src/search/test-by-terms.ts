import { percentileInterval } from '../evaluate/bootstrap.ts'
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
  /** In each resample, the gain of the winner minus that of the best single model of the search, where higher scores are better; NaN where it is not defined. Null if the term has no value for each sample. */
  gains: Float64Array | null
  /** Assumptions of the scoring. `bestSingle`: of the best single model by this term. */
  notes: TestScores['notes']
}

/**
 * Returns the objective on test. Its gains and thresholds are measured by the scores on test, but of the single models that are the best by
 * selection. `misses`: indices of the terms whose threshold the winner misses on test. `leftOut`: number of resamples that the interval leaves out.
 */
export function testByTerms(
  terms: readonly ObjectiveTerm[],
  tested: readonly TestedTerm[],
  confidence: number,
): Pick<TestScores, 'winner' | 'bestSingle' | 'uniform' | 'interval' | 'direction' | 'notes'> & {
  misses: readonly number[]
  leftOut: number
} {
  const references = terms.map((term, index) =>
    referenceOf(term, tested[index]?.best ?? null, tested[index]?.base ?? null),
  )
  const judged = (scores: TermScores) => judge(terms, references, scores)
  const { value: winner, misses } = judged(tested.map(term => term.winner))
  const bestSingle = judged(tested.map(term => term.bestSingle)).value
  const differences = winner === null || bestSingle === null ? null : objectiveDifferences(terms, tested)
  const { interval, leftOut } = differences
    ? percentileInterval(differences, confidence)
    : { interval: null, leftOut: 0 }
  return {
    winner,
    bestSingle,
    uniform: judged(tested.map(term => term.uniform)).value,
    interval,
    leftOut,
    direction: 'max',
    notes: { winner: undefined, bestSingle: undefined },
    misses,
  }
}

/**
 * Returns the objective of the winner minus that of the best single model in each resample: the sum of the gains of all terms times their weights. Resample
 * r of the objective has resample r of each term. So terms on the same samples keep their correlation, and others are independent. NaN where one of
 * the gains is not defined; null if a term has no resamples.
 */
function objectiveDifferences(
  terms: readonly ObjectiveTerm[],
  tested: readonly TestedTerm[],
): Float64Array<ArrayBuffer> | null {
  const [first] = tested
  if (!first?.gains) return null
  const sums = new Float64Array(first.gains.length)
  for (const [index, { gains }] of tested.entries()) {
    const term = terms[index]
    if (!gains || !term) return null
    const factor = term.direction === 'max' ? term.weight : -term.weight
    for (const [replicate, gain] of gains.entries()) sums[replicate] = (sums[replicate] ?? Number.NaN) + factor * gain
  }
  return sums
}
