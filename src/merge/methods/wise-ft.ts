import { copyOf } from '../operation.ts'
import type { Method } from './method.ts'

type Parameters = { alpha: number }

/** Indices of the sources. */
const [model, base] = [0, 1]

/** The point at alpha on the line between a base and its fine-tune. */
export const wiseFt: Method<Parameters> = {
  name: 'wise_ft',
  description: 'A point on the line between a base and its fine-tune',
  formula: '(1 - alpha) b + alpha x_1',
  source: 'Wortsman et al. 2021, arXiv:2109.01903 (WiSE-FT)',
  parameters: z =>
    z.strictObject({
      alpha: z.number().min(0).max(1).describe('Position between base and model: 0 is the base, 1 the model'),
    }),
  models: { min: 1, max: 1 },
  base: 'required',
  fisher: false,
  weights: false,
  normalize: null,
  needs: [],
  plan({ parameters: { alpha } }) {
    if (alpha === 0) return copyOf(base)
    if (alpha === 1) return copyOf(model)
    const sum = { weights: [1 - alpha, alpha], divisor: null, keepIdentical: true }
    return { kind: 'sum', from: [base, model], sum }
  },
}
