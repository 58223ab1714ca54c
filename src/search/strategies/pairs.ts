import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { barriersOf, groupsWithoutBarriers } from '../pair-barriers.ts'
import { type Candidate, type Strategy, scoreSingles, single, subset } from '../strategy.ts'

/**
 * Scores the midpoint of every pair of models, and measures how far it lies below the mean of the two ends (the loss barrier at the middle of
 * the line: Frankle et al. 2020, arXiv:1912.05671; Entezari et al. 2022, arXiv:2110.06296).
 */
export function pairs({ tolerance }: StrategyParameters<'pairs'>): Strategy {
  return {
    candidates: models => models + (models * (models - 1)) / 2 + 1,
    upfront: ({ models }) => [
      ...Array.from({ length: models }, (_, model) => single(model, models)),
      ...midpoints(models),
    ],
    async run({ models, score, measure = score }) {
      const ends = await scoreSingles({ models, score: measure })
      const barriers = barriersOf(ends, await measure(midpoints(models)))
      return { pairs: { barriers, groups: groupsWithoutBarriers(models, barriers, tolerance) } }
    },
  }
}

/** Returns the means of all pairs of models: 0 and 1, 0 and 2, and so on. */
function midpoints(models: number): Candidate[] {
  return Array.from({ length: models }, (_, a) =>
    Array.from({ length: models - a - 1 }, (_, further) => subset([a, a + 1 + further], models)),
  ).flat()
}
