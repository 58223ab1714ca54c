import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import { keepRange } from '../../tensor/sparsify.ts'
import { magnitudeRanges } from './magnitude-ranges.ts'
import { type Method, unprepared } from './method.ts'
import { density, lambda, type PerModel, partOf, perModel, requireDivisor, valueFor, weighted } from './parameters.ts'

type Parameters = { density: PerModel; gamma: PerModel; lambda: number }

/** Returns one of the two variants: with an elected sign for each element, or without. */
export function breadcrumbsMethod(elect: boolean): Method<Parameters> {
  return {
    name: elect ? 'breadcrumbs_ties' : 'breadcrumbs',
    description: `Drops the largest changes and the smallest${elect ? ', elects a sign for each element' : ''}, and adds the rest`,
    formula: `b + lambda sum(w_i d_i m_i), m_i all but the largest gamma and the smallest entries${elect ? ', with the elected sign' : ''}`,
    source: 'Davari and Belilovsky 2023, arXiv:2312.06795',
    parameters: z =>
      z.strictObject({
        density: density(z),
        gamma: perModel(z, z.number().min(0).max(1))
          .default(0.01)
          .describe(
            'Fraction of the changes that is dropped, the largest first: a number, or a list of one for each model',
          ),
        lambda: lambda(z),
      }),
    models: { min: 1, max: null },
    base: 'required',
    fisher: false,
    weights: true,
    normalize: false,
    dropsElements: true,
    needs: ['threshold'],
    perModel: ['density', 'gamma'],
    ...(elect ? {} : { check: requireDivisor }),
    plan: () => unprepared,
    prepare({ settings: { parameters, weights }, reader }) {
      const { elements } = reader
      const wanted = weights.map((_, model) => {
        const kept = partOf(valueFor(parameters.density, model), elements)
        // If the two do not fit together, density counts.
        return { from: Math.min(partOf(valueFor(parameters.gamma, model), elements), elements - kept), kept }
      })
      return { step: { kind: 'elements', constants: { ranges: magnitudeRanges([reader], wanted) } }, facts: {} }
    },
    kernel: ({ settings }, { ranges = [] }) =>
      contributionKernel({ ...weighted(settings, elect), sparsify: ranges.map(keepRange) }),
  }
}

export const breadcrumbs = breadcrumbsMethod(false)
