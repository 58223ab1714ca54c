import { referencePairs } from './elements/element-pairs.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'
import { noSample, noValue } from './no-value.ts'

/**
 * The largest |output - reference| over all elements of all samples, in the reference's unit. Equal infinities and two
 * NaN differ by 0, a NaN and a number by infinity.
 */
export const maxAbsDifference: Metric<NoParameters> = {
  name: 'maxAbsDifference',
  description: 'The largest absolute difference between output and reference',
  direction: 'min',
  per: 'set',
  target: 'reference',
  parameters: noParameters,
  start() {
    let largest = 0
    let counted = 0
    return {
      add(batch) {
        const { samples, output, target } = referencePairs('maxAbsDifference', batch)
        counted += samples
        for (let i = 0; i < output.length; i += 1) {
          const distance = difference(output[i] ?? 0, target[i] ?? 0)
          if (distance > largest) largest = distance
        }
      },
      result: () => (counted > 0 ? { value: largest } : noValue(noSample)),
    }
  },
}

function difference(output: number, target: number): number {
  if (output === target || (Number.isNaN(output) && Number.isNaN(target))) return 0
  const distance = Math.abs(output - target)
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance
}
