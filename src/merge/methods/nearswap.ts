import { elementwise, type Method } from './method.ts'

/** A smaller distance between elements counts as this. */
const smallestGap = 1e-6

type Parameters = { t: number }

/** Takes the second model's elements where they are near to the first's, and a small part of them elsewhere. */
export const nearswap: Method<Parameters> = {
  name: 'nearswap',
  description: 'The first model, with elements moved to the second’s where the two are near',
  formula: '(1 - w) x_1 + w x_2, w = min(1, t / max(|x_1 - x_2|, 1e-6))',
  source: 'mergekit',
  parameters: z =>
    z.strictObject({
      t: z.number().min(0).describe('Distance up to which an element is the second model’s'),
    }),
  models: { min: 2, max: 2 },
  base: 'none',
  fisher: false,
  weights: false,
  normalize: null,
  dropsElements: true,
  needs: [],
  plan: () => elementwise,
  kernel: ({ settings: { parameters } }) => ({
    compared: 2,
    copiedNaN: [],
    counts: {},
    compute([x, y], output, _first, count) {
      if (!x || !y) throw new RangeError('a model is missing')
      const { t } = parameters
      for (let j = 0; j < count; j += 1) {
        const [a, b] = [x[j] ?? 0, y[j] ?? 0]
        const gap = Math.abs(a - b)
        const w = t / (gap < smallestGap ? smallestGap : gap)
        // At the ends, no product with an infinite element makes NaN, and zeros keep their sign.
        if (w >= 1) output[j] = b
        else output[j] = w === 0 ? a : (1 - w) * a + w * b
      }
    },
  }),
}
