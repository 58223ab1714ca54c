import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import type { Gram } from '../../tensor/gram.ts'
import { sumOf, type TensorSettings } from '../operation.ts'
import { prepareByGram } from './gram-preparation.ts'
import { type Method, unprepared } from './method.ts'
import { normalized, requireSum } from './model-weights.ts'
import { quadraticForm } from './sphere.ts'

/** Directions cancel if their sum is shorter than this part of their weights: the rest is rounding error. */
const cancelled = 1e-6

type Parameters = { eps: number }

/** The weighted sum of directions, with the weighted mean length of the models. */
export const multislerp: Method<Parameters> = {
  name: 'multislerp',
  description:
    'The weighted mean direction of several models, or of their changes of a base, with the weighted mean of their lengths',
  formula: 'L v / norm(v), v = sum(w_i x_i / norm(x_i)), L = sum(w_i norm(x_i)); with a base of d_i, added to b',
  source: 'mergekit',
  parameters: z =>
    z.strictObject({
      eps: z.number().gt(0).default(1e-8).describe('Length below which a vector has no direction'),
    }),
  models: { min: 2, max: null },
  base: 'optional',
  fisher: false,
  weights: true,
  normalize: true,
  needs: ['gram'],
  check({ weights, normalize }, field) {
    if (normalize) requireSum(weights, field)
  },
  movesIdentical,
  plan: () => unprepared,
  prepare: task =>
    prepareByGram(task, movesIdentical(task.settings), gram => {
      const coefficients = coefficientsOf(gram, task.settings)
      const step = task.settings.hasBase
        ? ({ kind: 'elements', constants: { coefficients } } as const)
        : sumOf(coefficients, null, false)
      return { step, facts: { coefficients } }
    }),
  kernel: (_, { coefficients = [] }) =>
    contributionKernel({ weights: coefficients, votes: null, lambda: 1, divisor: null, zero: 0, sparsify: null }),
}

/**
 * True if equal models are changed: their weighted sum is the model times the sum of the weights. Equal changes of a
 * base are 0, and stay 0.
 */
function movesIdentical({ normalize, hasBase }: TensorSettings<Parameters>): boolean {
  return !normalize && !hasBase
}

function coefficientsOf(gram: Gram, { weights: given, normalize, parameters }: TensorSettings<Parameters>): number[] {
  const weights = normalize ? normalized(given) : [...given]
  if (!gram.isFinite) return weights
  const a = weights.map((weight, i) => (gram.norm(i) < parameters.eps ? 0 : weight / gram.norm(i)))
  const length = weights.reduce((sum, weight, i) => sum + weight * gram.norm(i), 0)
  const square = quadraticForm(a, gram.dot)
  const least = cancelled * weights.reduce((sum, weight) => sum + Math.abs(weight), 0)
  if (!(square > least * least)) return weights
  const scale = length / Math.sqrt(square)
  return a.map(each => scale * each)
}
