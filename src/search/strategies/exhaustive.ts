import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { shapleyValues } from '../shapley.ts'
import type { Candidate, Strategy } from '../strategy.ts'

/**
 * Scores every subset of the models, by bit mask (model i is bit i). Computes from the scores what each model
 * contributes.
 */
export function exhaustive(_: StrategyParameters<'exhaustive'>): Strategy {
  return {
    candidates: models => 2 ** models - 1,
    upfront: ({ models }) => subsets(models),
    async run({ models, score, measure = score }) {
      const scores = await measure(subsets(models))
      if (scores.some(value => !Number.isFinite(value))) return {}
      const contributions = shapleyValues(models, mask => scores[mask - 1] ?? 0)
      // Differences of very large scores overflow.
      return contributions.every(each => Object.values(each).every(Number.isFinite)) ? { contributions } : {}
    },
  }
}

/** Returns the means of all subsets of the models, by bit mask from 1 on. */
function subsets(models: number): Candidate[] {
  const weights = (mask: number) => Array.from({ length: models }, (_, model) => (mask >> model) & 1)
  return Array.from({ length: 2 ** models - 1 }, (_, index) => ({ weights: weights(index + 1) }))
}
