import { blockEngine } from '../../tensor/block-engine.ts'
import type { Gram } from '../../tensor/gram.ts'
import { copyOf, type ParameterValues } from '../operation.ts'
import { prepareByGram } from './gram-preparation.ts'
import { type Method, unprepared } from './method.ts'
import { noParameters } from './parameters.ts'

/** A point between the base and the mean of the models, nearer to the mean if their changes of the base agree more. */
export const modelStock: Method<ParameterValues> = {
  name: 'model_stock',
  description: 'A point between the base and the mean of the models: nearer to the mean if their changes agree more',
  formula: 't mean(x_i) + (1 - t) b, t = n c / (1 + (n - 1) c), c the mean cosine of any two d_i',
  source: 'Jang et al. 2024, arXiv:2403.19522',
  parameters: noParameters,
  models: { min: 2, max: null },
  base: 'required',
  fisher: false,
  weights: false,
  normalize: null,
  needs: ['gram'],
  plan: () => unprepared,
  prepare: task =>
    prepareByGram(task, false, gram => {
      const cosine = gram.isFinite ? meanCosine(gram) : null
      const t = cosine === null ? 1 : ratioFor(cosine, gram.vectors)
      const facts = { cosine, t }
      if (t === 0) return { step: copyOf(gram.vectors), facts }
      return { step: { kind: 'elements', constants: { coefficients: [t] } }, facts }
    }),
  kernel: ({ settings: { weights } }, { coefficients: [t = 1] = [] }) => ({
    compared: weights.length + 1,
    copiedNaN: [],
    counts: {},
    compute(inputs, _output, _first, count) {
      const base = inputs[weights.length]
      if (!base) throw new RangeError('the base is missing')
      blockEngine().approachMean(inputs.slice(0, weights.length), base, t, count)
    },
  }),
}

function meanCosine(gram: Gram): number {
  let sum = 0
  for (let i = 0; i < gram.vectors; i += 1) for (let j = i + 1; j < gram.vectors; j += 1) sum += gram.cosine(i, j)
  return sum / ((gram.vectors * (gram.vectors - 1)) / 2)
}

/** Returns the fraction of the way from the base to the mean: 0 if the changes do not agree, 1 if they are the same. */
function ratioFor(cosine: number, models: number): number {
  if (!(cosine > 0)) return 0
  return Math.min(1, (models * cosine) / (1 + (models - 1) * cosine))
}
