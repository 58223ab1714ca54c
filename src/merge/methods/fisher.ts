import type { ParameterValues } from '../operation.ts'
import { elementwise, type Method } from './method.ts'
import { noParameters } from './parameters.ts'
import { requireNonNegative } from './weights.ts'

/** Information that is less is taken for so much, so that no element is divided by nothing. */
const least = 1e-6

/** The mean of the models, each element weighed with how much it matters to its model. */
export const fisher: Method<ParameterValues> = {
  name: 'fisher',
  description: 'The mean weighed, element by element, with the diagonal of each model’s Fisher information',
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
      compute(inputs, output, _first, count) {
        for (let j = 0; j < count; j += 1) {
          let sum = 0
          let divisor = 0
          for (let model = 0; model < models; model += 1) {
            const information = inputs[models + model]?.[j] ?? 0
            const c = (weights[model] ?? 0) * (information < least ? least : information)
            const term = c * (inputs[model]?.[j] ?? 0)
            sum = model === 0 ? term : sum + term
            divisor = model === 0 ? c : divisor + c
          }
          output[j] = sum / divisor
        }
      },
    }
  },
}
