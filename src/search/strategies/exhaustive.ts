import type { StrategyParameters } from '../../../schemas/search.ts'
import { shapleyValues } from '../shapley.ts'
import { type Strategy, subset } from '../strategy.ts'

/**
 * Scores every subset of the models, by bit mask (model i is bit i). Computes from the scores what each model
 * contributes.
 */
export function exhaustive(_: StrategyParameters<'exhaustive'>): Strategy {
  return {
    candidates: models => 2 ** models - 1,
    async run({ models, score }) {
      const members = (mask: number) =>
        Array.from({ length: models }, (_, model) => model).filter(model => mask & (1 << model))
      const masks = Array.from({ length: 2 ** models - 1 }, (_, index) => index + 1)
      const scores = await score(masks.map(mask => subset(members(mask), models)))
      if (scores.some(value => !Number.isFinite(value))) return {}
      const contributions = shapleyValues(models, mask => scores[mask - 1] ?? 0)
      // Differences of very large scores overflow.
      return contributions.every(each => Object.values(each).every(Number.isFinite)) ? { contributions } : {}
    },
  }
}
