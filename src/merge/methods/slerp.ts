import { copyOf, sumOf } from '../operation.ts'
import { prepareByGram } from './gram-preparation.ts'
import { type Method, unprepared } from './method.ts'
import { arcCoefficients } from './sphere.ts'

/** Directions whose cosine exceeds this, in magnitude, count as one line. */
const straightCosine = 0.9995

type Parameters = { t: number }

/** The point at t on the great circle through two models; on the line between them if they are parallel. */
export const slerp: Method<Parameters> = {
  name: 'slerp',
  description: 'Spherical interpolation between two models, tensor by tensor',
  formula: 'sin((1-t) theta) / sin(theta) x_1 + sin(t theta) / sin(theta) x_2',
  source: 'Shoemake 1985, doi:10.1145/325165.325242',
  parameters: z =>
    z.strictObject({
      t: z.number().min(0).max(1).describe('Position between the models: 0 is the first, 1 the second'),
    }),
  models: { min: 2, max: 2 },
  base: 'none',
  fisher: false,
  weights: false,
  normalize: null,
  needs: ['gram'],
  plan: () => unprepared,
  prepare: task =>
    prepareByGram(task, false, gram => {
      const isStraight = (cosine: number) => Math.abs(cosine) > straightCosine
      const { t } = task.settings.parameters
      const facts = arcCoefficients(gram, t, isStraight)
      return { step: t === 0 || t === 1 ? copyOf(t) : sumOf(facts.coefficients, null, false), facts }
    }),
}
