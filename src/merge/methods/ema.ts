import { copyOf } from '../operation.ts'
import { elementwise, type Method } from './method.ts'

type Parameters = { decay: number }

/** The exponential moving average of the models in their order, starting from the first. */
export const ema: Method<Parameters> = {
  name: 'ema',
  description: 'The exponential moving average of the models, such as checkpoints, in their order',
  formula: 'theta = x_1; then theta = decay theta + (1 - decay) x_i',
  source: 'Polyak and Juditsky 1992, doi:10.1137/0330046',
  parameters: z =>
    z.strictObject({
      decay: z
        .number()
        .min(0)
        .max(1)
        .default(0.999)
        .describe('Fraction of the running average that is kept at each further model'),
    }),
  models: { min: 1, max: null },
  base: 'none',
  fisher: false,
  weights: false,
  normalize: null,
  needs: [],
  plan({ parameters: { decay }, weights }) {
    if (decay === 1) return copyOf(0)
    return decay === 0 ? copyOf(weights.length - 1) : elementwise
  },
  kernel: ({ settings: { parameters, weights } }) => ({
    compared: weights.length,
    copiedNaN: [],
    counts: {},
    compute(inputs, output, _first, count) {
      const { decay } = parameters
      const rest = 1 - decay
      for (let model = 0; model < weights.length; model += 1) {
        const x = inputs[model]
        if (!x) throw new RangeError('a model is missing')
        if (model === 0) for (let j = 0; j < count; j += 1) output[j] = x[j] ?? 0
        else for (let j = 0; j < count; j += 1) output[j] = decay * (output[j] ?? 0) + rest * (x[j] ?? 0)
      }
    },
  }),
}
