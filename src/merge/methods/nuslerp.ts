import { contributionKernel, zeroWeights } from '../../tensor/contribution-kernel.ts'
import { copyOf, type ParameterValues, sumOf } from '../operation.ts'
import { columnSlerpKernel } from './column-slerp.ts'
import { prepareByGram } from './gram-preparation.ts'
import { type CanonicalParameters, elementwise, type Method, type PreparedStep, unprepared } from './method.ts'
import { rowSlerpKernel } from './row-slerp.ts'
import { arcCoefficients } from './sphere.ts'

/**
 * Vectors with a smaller cosine are not rotated: they are nearly opposite, so rounding would decide the direction of
 * rotation.
 */
const oppositeCosine = -0.9995

type Along = 'tensor' | 'last' | 'first'
type Parameters = { along: Along; rowWise?: boolean | undefined }

/** Spherical interpolation by weights, of two models or of their changes of a base. */
export const nuslerp: Method<Parameters> = {
  name: 'nuslerp',
  description: 'Spherical interpolation between two models, or between their changes of a base, by weights',
  formula: 'slerp(x_1, x_2; t), t = w_2 / (w_1 + w_2); with a base b + slerp(d_1, d_2; t)',
  source: 'mergekit; Shoemake 1985, doi:10.1145/325165.325242',
  parameters: z =>
    z.strictObject({
      along: z
        .enum(['tensor', 'last', 'first'])
        .default('tensor')
        .describe(
          'Extent of one vector: the whole tensor, each row (along the last axis), or each column (along the first axis). A tensor of one axis is one vector',
        ),
      rowWise: z.boolean().optional().describe('Older name: true means "along": "last", false "along": "tensor"'),
    }),
  models: { min: 2, max: 2 },
  base: 'optional',
  fisher: false,
  weights: true,
  keepsZeroWeights: true,
  normalize: null,
  needs: ['gram'],
  canonical,
  plan: () => unprepared,
  prepare(task) {
    const { weights, hasBase, parameters } = task.settings
    const t = positionOf(weights)
    const end = t === 0 || t === 1 ? copyOf(t) : null
    if (parameters.along !== 'tensor') {
      // Rows and columns are computed on the way. But a tensor that is the same in every source must be copied, which
      // needs a scan.
      const identical = !hasBase && task.reader.scan(() => undefined)
      return { step: identical ? copyOf(0) : (end ?? elementwise), facts: { cosine: null, coefficients: null } }
    }
    return prepareByGram(task, false, gram => {
      const facts = arcCoefficients(gram, t, isStraight)
      const { coefficients } = facts
      const step: PreparedStep = hasBase
        ? { kind: 'elements', constants: { coefficients } }
        : sumOf(coefficients, null, false)
      return { step: end ?? step, facts }
    })
  },
  kernel({ settings, reader }, { coefficients }) {
    const { hasBase, weights, parameters } = settings
    if (!coefficients) {
      const isByColumn = parameters.along === 'first' && reader.dims.length > 1
      const kernelOf = isByColumn ? columnSlerpKernel : rowSlerpKernel
      return kernelOf(reader, hasBase, gram => arcCoefficients(gram, positionOf(weights), isStraight).coefficients)
    }
    return contributionKernel({ weights: coefficients, votes: null, lambda: 1, divisor: null, zero: 0, sparsify: null })
  },
}

/** Translates `rowWise` of older requests. The schema refuses a value that is not a boolean. */
function canonical({ rowWise, ...parameters }: ParameterValues): CanonicalParameters {
  if (rowWise === undefined) return { parameters }
  if (typeof rowWise !== 'boolean') return { parameters: { ...parameters, rowWise } }
  const along: Along = rowWise ? 'last' : 'tensor'
  if (parameters.along === undefined || parameters.along === along) return { parameters: { ...parameters, along } }
  const contradiction = `is ${rowWise}, which means "along": "${along}", and "along" says otherwise; leave out rowWise`
  return { parameter: 'rowWise', contradiction }
}

function isStraight(cosine: number): boolean {
  return cosine === 1 || cosine < oppositeCosine
}

/** Returns the position between the first model (0) and the second (1) that the weights give. */
function positionOf([first = 0, second = 0]: readonly number[]): number {
  const isZero = Math.abs(first + second) <= zeroWeights * (Math.abs(first) + Math.abs(second))
  return isZero ? 0.5 : second / (first + second)
}
