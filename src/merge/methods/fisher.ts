import { blockEngine } from '../../tensor/block-engine.ts'
import type { ParameterValues } from '../operation.ts'
import { elementwise, type Method } from './method.ts'
import { requireNonNegative } from './model-weights.ts'
import { noParameters } from './parameters.ts'

/** Smaller information counts as this, so that nothing is divided by 0. */
const least = 1e-6

/** The mean of the models, with each element weighted by its importance to its model. */
export const fisher: Method<ParameterValues> = {
  name: 'fisher',
  description: 'The mean, weighted element by element by the diagonal of each model’s Fisher information',
  formula: 'sum(w_i F_i x_i) / sum(w_i F_i), F_i at least 1e-6',
  source: 'Matena and Raffel 2021, arXiv:2111.09832',
  parameters: noParameters,
  models: { min: 1, max: null },
  base: 'none',
  fisher: true,
  weights: true,
  normalize: null,
  needs: [],
  check: ({ weights }, field) => void requireNonNegative(weights, field),
  plan: () => elementwise,
  kernel({ settings: { weights } }) {
    const models = weights.length
    return {
      compared: models,
      copiedNaN: [],
      counts: {},
      compute: (inputs, _output, _first, count) =>
        blockEngine().weigh(inputs.slice(0, models), inputs.slice(models), weights, least, count),
    }
  },
}
