import { type ChannelAxis, visitChannels } from './channels.ts'
import { type DerivedTensor, valuesOf } from './derived-tensor.ts'
import { foldBias, foldFactors, type NormValues, roundingOf } from './fold-norm.ts'

/** Largest difference from the binary64 formula, in the largest magnitude of its terms: 4 units in the last place of float32. */
const tolerance = 4 * 2 ** -23

/** A layer before its norm was folded into it. */
export type UnfoldedLayer = { axis: ChannelAxis; weight: DerivedTensor; bias: Float64Array | null }

/** True if a layer is near the binary64 formula of a fold. The type of the export must be at least as exact as float32. */
export function isNearFold(
  exported: { weight: DerivedTensor; bias: DerivedTensor },
  { axis, weight, bias }: UnfoldedLayer,
  norm: NormValues,
): boolean {
  if (exported.weight.dtype !== 'float32' && exported.weight.dtype !== 'float64') return false
  const round = roundingOf('float64')
  const factors = foldFactors(norm, 'binary64', round)
  const [scaled, own] = [valuesOf(exported.weight), valuesOf(weight)]
  let isWeightNear = true
  visitChannels(weight.dims, axis, (channel, start, end) => {
    const factor = factors[channel] ?? 0
    for (let at = start; isWeightNear && at < end; at += 1) {
      const expected = (own[at] ?? 0) * factor
      isWeightNear = Math.abs((scaled[at] ?? 0) - expected) <= tolerance * Math.abs(expected)
    }
  })
  const folded = valuesOf(exported.bias)
  return (
    isWeightNear &&
    foldBias(bias, norm, 'binary64', round).every((expected, channel) => {
      const factor = factors[channel] ?? 0
      const terms = [(bias?.[channel] ?? 0) * factor, (norm.mean[channel] ?? 0) * factor, norm.beta?.[channel] ?? 0]
      const largest = Math.max(...terms.map(Math.abs))
      return Math.abs((folded[channel] ?? 0) - expected) <= tolerance * largest
    })
  )
}
