import { type ParameterValues, sumOf } from '../operation.ts'
import type { Method } from './method.ts'
import { requireSum } from './model-weights.ts'
import { noParameters } from './parameters.ts'

/** y = (w_1 x_1 + ... + w_n x_n) / (w_1 + ... + w_n); without the division if `normalize` is false. */
export const linear: Method<ParameterValues> = {
  name: 'linear',
  description: 'The weighted mean; without normalizing, the weighted sum',
  formula: 'sum(w_i x_i) / sum(w_i)',
  source: 'Wortsman et al. 2022, arXiv:2203.05482 (model soups)',
  parameters: noParameters,
  models: { min: 1, max: null },
  base: 'none',
  fisher: false,
  weights: true,
  normalize: true,
  needs: [],
  check({ weights, normalize }, field) {
    if (normalize) requireSum(weights, field)
  },
  plan({ weights, normalize }) {
    return sumOf(weights, normalize ? requireSum(weights, 'weights') : null, normalize)
  },
}
