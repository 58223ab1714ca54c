import { referenceShapes } from './elements/element-pairs.ts'
import { meanOverSamples } from './elements/mean-over-samples.ts'
import type { Metric } from './metric.ts'

type Parameters = { rtol: number; atol: number }

/**
 * The share of samples in which every element satisfies |output - reference| <= atol + rtol |reference|. NaN equals NaN, and an infinity
 * equals only itself. The rule is that of NumPy's `assert_allclose`; the default tolerances are those of ONNX's backend tests.
 */
export const allClose: Metric<Parameters> = {
  name: 'allClose',
  description: 'Share of samples in which every element of the output is within the tolerances of the reference',
  direction: 'max',
  per: 'sample',
  target: 'reference',
  parameters: z =>
    z.strictObject({
      rtol: z.number().min(0).default(1e-3).describe('Tolerance relative to the reference'),
      atol: z.number().min(0).default(1e-7).describe('Absolute tolerance, added to the relative one'),
    }),
  shapes: referenceShapes,
  nonFinite: 'NaN is equal to NaN only, and an infinity to itself only',
  start: (tolerances, keep) =>
    meanOverSamples('allClose', keep, ({ output, target }, begin, end) => {
      for (let i = begin; i < end; i += 1) if (!isClose(output[i] ?? 0, target[i] ?? 0, tolerances)) return 0
      return 1
    }),
}

function isClose(output: number, target: number, { rtol, atol }: Parameters): boolean {
  if (output === target || (Number.isNaN(output) && Number.isNaN(target))) return true
  return Number.isFinite(target) && Math.abs(output - target) <= atol + rtol * Math.abs(target)
}
