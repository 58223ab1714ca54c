import { referencePairs, referenceShapes } from './elements/element-pairs.ts'
import { NumberList } from './keeping/number-list.ts'
import { requireCounts } from './keeping/require-counts.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'
import { noSample, noValue } from './no-value.ts'

/**
 * The largest |output - reference| over all elements of all samples, in the unit of the reference. Equal infinities differ by 0, two NaN
 * differ by 0, and a NaN and a number differ by infinity.
 */
export const maxAbsDifference: Metric<NoParameters> = {
  name: 'maxAbsDifference',
  description: 'Largest absolute difference between output and reference',
  direction: 'min',
  per: 'set',
  target: 'reference',
  parameters: noParameters,
  shapes: referenceShapes,
  nonFinite: 'NaN is equal to NaN only, and an infinity to itself only',
  start(_, keep) {
    let largest = 0
    let counted = 0
    const kept = new NumberList()
    return {
      add(batch) {
        const { samples, size, output, target } = referencePairs('maxAbsDifference', batch)
        counted += samples
        for (let sample = 0; sample < samples; sample += 1) {
          let largestOfSample = 0
          for (let i = sample * size; i < (sample + 1) * size; i += 1) {
            const distance = difference(output[i] ?? 0, target[i] ?? 0)
            if (distance > largestOfSample) largestOfSample = distance
          }
          if (largestOfSample > largest) largest = largestOfSample
          if (keep) kept.push(largestOfSample)
        }
      },
      result: () => (counted > 0 ? { value: largest } : noValue(noSample)),
      get samples() {
        return kept.length
      },
      resampled(counts) {
        requireCounts(counts, kept.length)
        return kept.values.reduce(
          (value, ofSample, sample) => (counts[sample] === 0 || ofSample <= value ? value : ofSample),
          Number.NaN,
        )
      },
    }
  },
}

function difference(output: number, target: number): number {
  if (output === target || (Number.isNaN(output) && Number.isNaN(target))) return 0
  const distance = Math.abs(output - target)
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance
}
