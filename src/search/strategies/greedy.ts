import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { byScore } from '../by-score.ts'
import { type Strategy, scoreSingles, subset } from '../strategy.ts'

/**
 * The greedy soup (Wortsman et al. 2022, arXiv:2203.05482, recipe 1). It goes through the models from best to worst
 * once, and keeps a model in the soup if the mean does not get worse.
 */
export function greedy({ accept }: StrategyParameters<'greedy'>): Strategy {
  const accepts = (score: number, best: number) => (accept === '>=' ? score >= best : score > best)
  return {
    // Each single model, the mean of all, and a soup with each model except the best.
    candidates: models => 2 * models,
    async run(context) {
      const { models } = context
      const singles = await scoreSingles(context)
      const [first = 0, ...others] = byScore(singles)
      let members = [first]
      let best = singles[first] ?? Number.NEGATIVE_INFINITY
      for (const [index, model] of others.entries()) {
        const next = others[index + 1]
        const scoring = context.score([subset([...members, model], models)])
        // Most models are rejected, so the soup that follows a rejection is scored at the same time.
        if (next !== undefined) context.anticipate(subset([...members, next], models))
        const [score = Number.NEGATIVE_INFINITY] = await scoring
        if (!accepts(score, best)) continue
        members = [...members, model]
        best = score
      }
      return {}
    },
  }
}
