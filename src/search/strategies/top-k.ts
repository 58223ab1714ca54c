import type { StrategyParameters } from '../../../schemas/search.ts'
import { byScore } from '../by-score.ts'
import { type Strategy, scoreSingles, subset } from '../strategy.ts'

/** The mean of the best model, of the best two, and so on up to the best k: "the best 3 or 5 epochs". */
export function topK({ k }: StrategyParameters<'topK'>): Strategy {
  const largest = (models: number) => Math.min(k ?? models, models)
  return {
    // The models, the mean of all, and the best 2 to k.
    candidates: models => models + 1 + largest(models) - 1,
    async run(context) {
      const order = byScore(await scoreSingles(context))
      const sizes = Array.from({ length: largest(context.models) }, (_, index) => index + 1)
      await context.score(sizes.map(size => subset(order.slice(0, size), context.models)))
      return {}
    },
  }
}
