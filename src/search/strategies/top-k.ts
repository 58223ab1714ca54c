import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { byScore } from '../by-score.ts'
import { type Strategy, scoreSingles, subset } from '../strategy.ts'

/** Scores the mean of the best two models, the best three, and so on up to the best k. */
export function topK({ k }: StrategyParameters<'topK'>): Strategy {
  const largest = (models: number) => Math.min(k ?? models, models)
  return {
    // Each single model, the mean of all, and the best 2 to k.
    candidates: models => models + 1 + largest(models) - 1,
    async run(context) {
      const order = byScore(await scoreSingles(context))
      const sizes = Array.from({ length: largest(context.models) }, (_, index) => index + 1)
      await context.score(sizes.map(size => subset(order.slice(0, size), context.models)))
      return {}
    },
  }
}
