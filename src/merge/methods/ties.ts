import { z } from 'zod'
import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import { type KeptRange, keepRange } from '../../tensor/sparsify.ts'
import { magnitudeRanges } from './magnitude-ranges.ts'
import { type Method, type Preparation, unprepared } from './method.ts'
import { density, lambda, type PerModel, partOf, valueFor, weighted } from './parameters.ts'

type Parameters = { density: PerModel; lambda: number; trim: 'tensor' | 'global' }

/** Trims each model's changes to the largest, lets them vote on the sign of each element, and adds those that agree. */
export const ties: Method<Parameters> = {
  name: 'ties',
  description: 'Trims changes to the largest, elects a sign for each element, and adds the mean of those that agree',
  formula: 'b + lambda sum(w_i d_i m_i) / sum(w_i m_i), m_i the largest entries with the sign of sum(w_i d_i)',
  source: 'Yadav et al. 2023, arXiv:2306.01708',
  parameters: z.strictObject({
    density: density.default(1),
    lambda,
    trim: z
      .enum(['tensor', 'global'])
      .default('tensor')
      .describe('Whether the largest are those of each tensor, or of all tensors together (the paper)'),
  }),
  models: { min: 1, max: null },
  base: 'required',
  fisher: false,
  weights: true,
  normalize: true,
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
      const [first] = tasks
      if (!first) return []
      const readers = tasks.map(({ reader }) => reader)
      const { parameters, weights } = first.settings
      const elements = readers.reduce((sum, reader) => sum + reader.elements, 0)
      // What is the same in every model has not changed, and stands at the end of the order.
      const kept = weights.map((_, model) =>
        Math.min(elements, partOf(valueFor(parameters.density, model), elements + carried)),
      )
      const ranges = magnitudeRanges(
        readers,
        kept.map(each => ({ from: 0, kept: each })),
      )
      let before = 0
      return readers.map(reader => {
        const own = ranges.map(range => behindFirst(range, before))
        before += reader.elements
        return within(own)
      })
    },
  },
  kernel: ({ settings }, { ranges = [] }) =>
    contributionKernel({ ...weighted(settings, true), sparsify: ranges.map(keepRange) }),
}

function within(ranges: readonly KeptRange[]): Preparation {
  return { step: { kind: 'elements', constants: { ranges } }, facts: {} }
}

/** A range of several tensors as that of one of them, in front of which so many elements stand. */
function behindFirst(range: KeptRange, before: number): KeptRange {
  if (typeof range === 'string') return range
  return { ...range, upTo: { ...range.upTo, last: range.upTo.last - before } }
}
