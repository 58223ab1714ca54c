import type { StrategyParameters } from '../../../schemas/strategy.ts'
import { parametersAtPlaces } from '../dimension.ts'
import { type Candidate, everyModel, type Strategy, type StrategyContext } from '../strategy.ts'

/**
 * Sweeps the line between two models, with weights 1 - alpha and alpha. Also finds the barrier: the largest drop of the
 * score below linear interpolation between the two end scores (Frankle et al. 2020, arXiv:1912.05671; Entezari et al.
 * 2022, arXiv:2110.06296). It is 0 if no score drops.
 */
export function sweep({ steps, parameter }: StrategyParameters<'sweep'>): Strategy {
  const alphas = Array.from({ length: steps }, (_, step) => step / (steps - 1))
  if (parameter !== undefined) return parameterSweep(alphas)
  return {
    candidates: models => models + 1 + steps - 2,
    upfront: () => alphas.map(onLine),
    async run({ models, score, measure = score }) {
      if (models !== 2) throw new RangeError(`a sweep is between two models, not ${models}`)
      const scores = await measure(alphas.map(onLine))
      const [first = Number.NaN] = scores
      const last = scores.at(-1) ?? Number.NaN
      let barrier = { value: 0, alpha: 0 }
      for (const [step, alpha] of alphas.entries()) {
        const below = (1 - alpha) * first + alpha * last - (scores[step] ?? Number.NaN)
        if (below > barrier.value) barrier = { value: below, alpha }
      }
      // Differences of very large scores overflow.
      return [...scores, barrier.value].every(Number.isFinite) ? { barrier } : {}
    },
  }
}

/** Sweeps the one searched parameter over its range, with all models merged at each place. */
function parameterSweep(places: readonly number[]): Strategy {
  const candidatesOf = ({ models, dimensions = [] }: Pick<StrategyContext, 'models' | 'dimensions'>) =>
    places.map(place => {
      const parameters = parametersAtPlaces(dimensions, [place])
      return { ...everyModel(models), ...(parameters ? { parameters } : {}) }
    })
  return {
    candidates: models => models + 1 + places.length,
    upfront: candidatesOf,
    async run(context) {
      await context.score(candidatesOf(context))
      return {}
    },
  }
}

function onLine(alpha: number): Candidate {
  // Other strategies weigh a single model with 1, as the ends of this line do, so each end shares their score.
  return { weights: [1 - alpha, alpha] }
}
