import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import { type KeptRange, keepRange } from '../../tensor/sparsify.ts'
import { globalRanges } from './global-ranges.ts'
import { magnitudeRanges } from './magnitude-ranges.ts'
import { type Method, type Preparation, type TensorTask, unprepared } from './method.ts'
import { density, lambda, type PerModel, partOf, valueFor, weighted } from './parameters.ts'

type Parameters = { density: PerModel; lambda: number; trim: 'tensor' | 'global' }

/**
 * Trims each model's changes to the largest, lets models vote on the sign of each element, and adds the changes that
 * agree.
 */
export const ties: Method<Parameters> = {
  name: 'ties',
  description: 'Trims changes to the largest, elects a sign for each element, and adds the mean of those that agree',
  formula: 'b + lambda sum(w_i d_i m_i) / sum(w_i m_i), m_i the largest entries with the sign of sum(w_i d_i)',
  source: 'Yadav et al. 2023, arXiv:2306.01708',
  parameters: z =>
    z.strictObject({
      density: density(z).default(1),
      lambda: lambda(z),
      trim: z
        .enum(['tensor', 'global'])
        .default('tensor')
        .describe('Scope of the largest changes: each tensor, or all tensors together (the paper)'),
    }),
  models: { min: 1, max: null },
  base: 'required',
  fisher: false,
  weights: true,
  normalize: true,
  dropsElements: true,
  needs: ['threshold'],
  perModel: ['density'],
  common: ({ trim }) => (trim === 'global' ? ['trim', 'density'] : ['trim']),
  plan: () => unprepared,
  prepare({ settings: { parameters, weights }, reader }) {
    const kept = weights.map((_, model) => partOf(valueFor(parameters.density, model), reader.elements))
    return within(
      magnitudeRanges(
        [reader],
        kept.map(each => ({ from: 0, kept: each })),
      ),
    )
  },
  prepareTogether: {
    applies: ({ trim }) => trim === 'global',
    prepare(tasks, carried) {
      // Elements that are the same in every model have not changed, and come last in the order.
      const keptOf = ({ settings }: TensorTask<Parameters>, place: number, elements: number) =>
        Math.min(elements, partOf(valueFor(settings.parameters.density, place), elements + carried))
      return globalRanges(tasks, keptOf).map(within)
    },
  },
  kernel: ({ settings }, { ranges = [] }) =>
    contributionKernel({ ...weighted(settings, true), sparsify: ranges.map(keepRange) }),
}

function within(ranges: readonly KeptRange[]): Preparation {
  return { step: { kind: 'elements', constants: { ranges } }, facts: {} }
}
