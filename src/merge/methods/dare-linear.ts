import { blockEngine } from '../../tensor/block-engine.ts'
import { contributionKernel } from '../../tensor/contribution-kernel.ts'
import { TreeSum } from '../../tensor/pair-sums.ts'
import { randomSparsify, selectAtRandom } from '../../tensor/random-masks.ts'
import { elementwise, type Method, type TensorTask, unprepared } from './method.ts'
import { density, lambda, type PerModel, requireDivisor, seed, valueFor, weighted } from './parameters.ts'
import { maskKey } from './random-key.ts'

type Parameters = { density: PerModel; lambda: number; seed: number; rescale: 'inverse' | 'l1' }

/** Returns one of the two variants: with an elected sign for each element, or without. */
export function dareMethod(elect: boolean): Method<Parameters> {
  return {
    name: elect ? 'dare_ties' : 'dare_linear',
    description: `Drops changes at random and scales up the rest${elect ? ', elects a sign for each element' : ''}, and adds them`,
    formula: `b + lambda sum(w_i d_i m_i / density), m_i 1 with the probability density${elect ? ', entries with the elected sign' : ''}`,
    source: 'Yu et al. 2023, arXiv:2311.03099',
    parameters: z =>
      z.strictObject({
        density: density(z),
        lambda: lambda(z),
        seed: seed(z),
        rescale: z
          .enum(['inverse', 'l1'])
          .default('inverse')
          .describe(
            'Scaling of the kept changes: inverse divides by density (the paper), l1 restores the sum of magnitudes',
          ),
      }),
    models: { min: 1, max: null },
    base: 'required',
    fisher: false,
    weights: true,
    normalize: false,
    dropsElements: true,
    needs: ['random'],
    wholeNumbers: ['seed'],
    perModel: ['density'],
    ...(elect ? {} : { check: requireDivisor }),
    plan: ({ parameters }) => (parameters.rescale === 'l1' ? unprepared : elementwise),
    prepare: task => ({ step: { kind: 'elements', constants: { coefficients: scalesOf(task) } }, facts: {} }),
    kernel: ({ settings, reader }, { coefficients }) => {
      const { parameters, models } = settings
      const sparsify = models.map((position, model) => {
        const probability = valueFor(parameters.density, model)
        const scale = coefficients ? { factor: coefficients[model] ?? 1 } : { divisors: probability }
        return randomSparsify(maskKey(parameters.seed, position, reader.name), probability, scale)
      })
      return contributionKernel({ ...weighted(settings, elect), sparsify })
    },
  }
}

export const dareLinear = dareMethod(false)

/** Returns for each model the sum of the magnitudes of its changes, divided by that of the kept ones. */
function scalesOf({ settings: { parameters, models: positions }, reader }: TensorTask<Parameters>): number[] {
  const engine = blockEngine()
  const models = positions.map((position, model) => ({
    all: new TreeSum(),
    kept: new TreeSum(),
    key: maskKey(parameters.seed, position, reader.name),
    probability: valueFor(parameters.density, model),
  }))
  reader.scan((values, first, count) => {
    const base = values[models.length]
    for (const [model, { all, kept, key, probability }] of models.entries()) {
      const d = values[model]
      if (!d || !base) throw new RangeError('a source is missing')
      engine.distance(d, base, count)
      all.add(sumOf(d, count))
      selectAtRandom(key, probability, first, count)
      engine.drop(d, 0, count)
      kept.add(sumOf(d, count))
    }
  })
  return models.map(({ all, kept }) => {
    const scale = kept.total === 0 ? 1 : all.total / kept.total
    return Number.isFinite(scale) ? scale : 1
  })
}

function sumOf(d: Float64Array, count: number): number {
  let sum = 0
  for (let j = 0; j < count; j += 1) sum += d[j] ?? 0
  return sum
}
