import { z } from 'zod'
import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import { keepRange } from '../../tensor/sparsify.ts'
import { magnitudeRanges } from './magnitude-ranges.ts'
import { type Method, unprepared } from './method.ts'
import { density, lambda, partOf, requireDivisor, weighted } from './parameters.ts'

type Parameters = { density: number; gamma: number; lambda: number }

/** Both variants: with the sign of each element elected, or without. */
export function breadcrumbsMethod(elect: boolean): Method<Parameters> {
  return {
    name: elect ? 'breadcrumbs_ties' : 'breadcrumbs',
    description: `Drops the largest changes and the smallest${elect ? ', elects a sign for each element' : ''}, and adds the rest`,
    formula: `b + lambda sum(w_i d_i m_i), m_i all but the largest gamma and the smallest entries${elect ? ', with the elected sign' : ''}`,
    source: 'Davari and Belilovsky 2023, arXiv:2312.06795',
    parameters: z.strictObject({
      density,
      gamma: z.number().min(0).max(1).default(0.01).describe('The part of the largest changes that is dropped'),
      lambda,
    }),
    models: { min: 1, max: null },
    base: 'required',
    fisher: false,
    weights: true,
    normalize: false,
    needs: ['threshold'],
    ...(elect ? {} : { check: requireDivisor }),
    plan: () => unprepared,
    prepare({ settings: { parameters, weights }, reader }) {
      const kept = partOf(parameters.density, reader.elements)
      // The density wins where the two do not fit together.
      const largest = Math.min(partOf(parameters.gamma, reader.elements), reader.elements - kept)
      const ranges = magnitudeRanges([reader], weights.length, largest, kept)
      return { step: { kind: 'elements', constants: { ranges } }, facts: {} }
    },
    kernel: ({ settings }, { ranges = [] }) =>
      contributionKernel({ ...weighted(settings, elect), sparsify: ranges.map(keepRange) }),
  }
}

export const breadcrumbs = breadcrumbsMethod(false)
