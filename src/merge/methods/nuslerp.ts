import { z } from 'zod'
import { contributionKernel, zeroWeights } from '../../tensor/contribution-kernel.ts'
import { copyOf, sumOf } from '../operation.ts'
import { prepareByGram } from './gram-preparation.ts'
import { elementwise, type Method, type PreparedStep, unprepared } from './method.ts'
import { rowSlerpKernel } from './row-slerp.ts'
import { arcCoefficients } from './sphere.ts'

/** Rounding decides the direction that opposite vectors are turned in: they are not, beyond this cosine. */
const oppositeCosine = -0.9995

type Parameters = { rowWise: boolean }

/** Spherical interpolation by weights, of two models or of what they have changed of a base. */
export const nuslerp: Method<Parameters> = {
  name: 'nuslerp',
  description: 'Spherical interpolation by weights, of two models or of their changes of a base',
  formula: 'slerp(x_1, x_2; t), t = w_2 / (w_1 + w_2); with a base b + slerp(d_1, d_2; t)',
  source: 'mergekit; Shoemake 1985, doi:10.1145/325165.325242',
  parameters: z.strictObject({ rowWise: z.boolean().default(false).describe('Each row (last axis) by itself') }),
  models: { min: 2, max: 2 },
  base: 'optional',
  fisher: false,
  weights: true,
  keepsZeroWeights: true,
  normalize: null,
  needs: ['gram'],
  plan: () => unprepared,
  prepare(task) {
    const { weights, hasBase, parameters } = task.settings
    const t = positionOf(weights)
    const end = t === 0 || t === 1 ? copyOf(t) : null
    if (parameters.rowWise) {
      // Rows are turned as they are met; but whether a whole tensor is the same everywhere must be known.
      const identical = !hasBase && task.reader.scan(() => undefined)
      return { step: identical ? copyOf(0) : (end ?? elementwise), facts: { cosine: null, coefficients: null } }
    }
    return prepareByGram(task, gram => {
      const facts = arcCoefficients(gram, t, isStraight)
      const { coefficients } = facts
      const step: PreparedStep = hasBase
        ? { kind: 'elements', constants: { coefficients } }
        : sumOf(coefficients, null, false)
      return { step: end ?? step, facts }
    })
  },
  kernel({ settings, reader }, { coefficients }) {
    const { hasBase, weights } = settings
    if (!coefficients)
      return rowSlerpKernel(
        reader,
        hasBase,
        gram => arcCoefficients(gram, positionOf(weights), isStraight).coefficients,
      )
    return contributionKernel({ weights: coefficients, votes: null, lambda: 1, divisor: null, zero: 0, sparsify: null })
  },
}

function isStraight(cosine: number): boolean {
  return cosine === 1 || cosine < oppositeCosine
}

/** Where the weights put the result on the way from the first to the second. */
function positionOf([first = 0, second = 0]: readonly number[]): number {
  const isZero = Math.abs(first + second) <= zeroWeights * (Math.abs(first) + Math.abs(second))
  return isZero ? 0.5 : second / (first + second)
}
