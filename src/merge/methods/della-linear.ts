import { blockEngine } from '../../tensor/block-engine.ts'
import { contributionKernel, type Sparsify } from '../../tensor/contribution-kernel.ts'
import { kernelBlock } from '../../tensor/kernel-block.ts'
import { type MaskKey, randomSparsify, uniformsAt } from '../../tensor/random-masks.ts'
import type { ElementReader } from '../element-reader.ts'
import { elementwise, type Method } from './method.ts'
import { density, lambda, type PerModel, perModel, requireDivisor, seed, valueFor, weighted } from './parameters.ts'
import { maskKey } from './random-key.ts'
import { rankProbabilities } from './rank-probabilities.ts'

type Parameters = { density: PerModel; epsilon: PerModel; lambda: number; seed: number }

/** Returns one of the two variants: with an elected sign for each element, or without. */
export function dellaMethod(elect: boolean): Method<Parameters> {
  return {
    name: elect ? 'della' : 'della_linear',
    description: `Drops changes at random, small ones rather than large ones, scales up the rest${elect ? ', elects a sign for each element' : ''}, and adds them`,
    formula: `b + lambda sum(w_i d_i m_i / p_i), m_i 1 with the probability p_i = density + epsilon for the largest of a row (the weights of one output unit) .. density - epsilon${elect ? ', entries with the elected sign' : ''}`,
    source: 'Deep et al. 2024, arXiv:2406.11617',
    parameters: z =>
      z
        .strictObject({
          density: density(z),
          epsilon: perModel(z, z.number().min(0).max(0.5))
            .default(0.15)
            .describe(
              'Distance of the probability of keeping a change from density: density + epsilon for the largest of a row, density - epsilon for the smallest. A number, or a list of one for each model',
            ),
          lambda: lambda(z),
          seed: seed(z),
        })
        .refine(staysProbable, {
          message: 'density - epsilon must not be below 0, nor density + epsilon above 1',
          path: ['epsilon'],
        }),
    models: { min: 1, max: null },
    base: 'required',
    fisher: false,
    weights: true,
    // The authors and mergekit divide if signs are elected, and do not divide otherwise.
    normalize: elect,
    dropsElements: true,
    needs: ['ranks', 'random'],
    wholeNumbers: ['seed'],
    perModel: ['density', 'epsilon'],
    ...(elect ? {} : { check: requireDivisor }),
    ranksUnits: ({ parameters, weights }) => weights.some((_, model) => valueFor(parameters.epsilon, model) > 0),
    plan: () => elementwise,
    kernel({ settings, reader }) {
      const { parameters, models } = settings
      const sparsify = models.map((position, model) => {
        const key = maskKey(parameters.seed, position, reader.name)
        return rankSparsify(reader, key, model, models.length, parameters)
      })
      return contributionKernel({ ...weighted(settings, elect), sparsify })
    },
  }
}

export const dellaLinear = dellaMethod(false)

/**
 * Tolerance: between the points of two gradients, sums that should be 1 differ from it by rounding. The rest is
 * clamped.
 */
const rounding = 1e-12

/** True if all probabilities of each model are valid. Lists of different lengths are refused elsewhere. */
function staysProbable({ density, epsilon }: Pick<Parameters, 'density' | 'epsilon'>): boolean {
  const lengths = [density, epsilon].map(value => (typeof value === 'number' ? Number.POSITIVE_INFINITY : value.length))
  const models = Math.min(...lengths)
  return Array.from({ length: Number.isFinite(models) ? models : 1 }).every((_, model) => {
    const [middle, half] = [valueFor(density, model), valueFor(epsilon, model)]
    return middle - half >= -rounding && middle + half <= 1 + rounding
  })
}

/** Returns a Sparsify that keeps an entry with the probability of its rank in its row. */
function rankSparsify(
  reader: ElementReader,
  key: MaskKey,
  model: number,
  models: number,
  parameters: Parameters,
): Sparsify {
  const density = valueFor(parameters.density, model)
  const epsilon = valueFor(parameters.epsilon, model)
  if (epsilon === 0 || reader.elements === 1) return randomSparsify(key, density, { divisors: density })
  const engine = blockEngine()
  const probabilities = new Float64Array(kernelBlock)
  const probabilitiesOf = rankProbabilities(reader, model, models, { largest: density + epsilon, span: 2 * epsilon })
  return (x, base, first, count, dropped) => {
    probabilitiesOf(x, base, first, count, probabilities)
    const scale = { divisors: probabilities }
    return engine.keepBelow(x, base, scale, uniformsAt(key, first, count), probabilities, count, dropped)
  }
}
