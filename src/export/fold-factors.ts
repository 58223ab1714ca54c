import { type Arrangement, placeBefore } from './arrangement.ts'
import { type ChannelAxis, channelsOf, perChannel, placeInChannel, visitChannels } from './channels.ts'
import { type DerivedTensor, elementsOf, valuesOf } from './derived-tensor.ts'
import { sliced } from './element-moves.ts'

/** The largest relative error of a rounding to each float type. */
const units: Record<string, number> = {
  float64: 2 ** -53,
  float32: 2 ** -24,
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
}

/** Roundings between a weight and the formula behind it, with room. */
const roundings = 16

/** Returns the largest relative difference that the roundings of a fold explain. At least that of float32, in which most exporters fold. */
export function foldTolerance(dtype: string): number {
  return roundings * Math.max(units[dtype] ?? 2 ** -4, 2 ** -24)
}

/** A few values of a few output channels of a weight. */
export type ChannelSketch = readonly (readonly number[])[]

/** Most channels of a sketch, and most values of each. */
const [mostChannels, mostValues] = [8, 16]

/**
 * Returns a sketch of a weight that a rearrangement makes of a source. Sketches of weights with the same dims and axis
 * have the same places.
 */
export function channelSketch(
  source: DerivedTensor,
  arrangement: Arrangement,
  dims: readonly number[],
  axis: ChannelAxis,
): ChannelSketch {
  const flat = { ...source, dims: [elementsOf(dims)] }
  return spaced(channelsOf(dims, axis), mostChannels).map(channel =>
    spaced(perChannel(dims, axis), mostValues).map(index => {
      const place = placeBefore(placeInChannel(dims, axis, channel, index), arrangement, source.dims)
      return valuesOf(sliced(flat, 0, place, place + 1))[0] ?? 0
    }),
  )
}

/** Returns at most `most` of the numbers below `count`, with equal steps between them. */
function spaced(count: number, most: number): number[] {
  const step = Math.max(1, count / most)
  return Array.from({ length: Math.min(count, most) }, (_, index) => Math.floor(index * step))
}

/** True if each channel of `exported` is a multiple of that of `source`, within a relative tolerance. */
export function isScaled(exported: ChannelSketch, source: ChannelSketch, tolerance: number): boolean {
  return exported.every((values, channel) => {
    const own = source[channel] ?? []
    const largest = own.reduce((best, value, index) => (Math.abs(value) > Math.abs(own[best] ?? 0) ? index : best), 0)
    const factor = own[largest] ? (values[largest] ?? 0) / (own[largest] ?? 1) : 0
    return values.every((value, index) => {
      const expected = factor * (own[index] ?? 0)
      return Math.abs(value - expected) <= 2 * tolerance * Math.abs(expected)
    })
  })
}

/** Returns the factor of each channel between two weights, from its largest value; NaN for a channel of zeros. */
export function channelFactors(exported: DerivedTensor, source: DerivedTensor, axis: ChannelAxis): Float64Array {
  const [scaled, own] = [valuesOf(exported), valuesOf(source)]
  const best = new Int32Array(channelsOf(source.dims, axis)).fill(-1)
  visitChannels(source.dims, axis, (channel, start, end) => {
    let place = best[channel] ?? -1
    for (let at = start; at < end; at += 1)
      if (place < 0 || Math.abs(own[at] ?? 0) > Math.abs(own[place] ?? 0)) place = at
    best[channel] = place
  })
  return Float64Array.from(best, place => (own[place] ? (scaled[place] ?? 0) / (own[place] ?? 1) : Number.NaN))
}

/** Epsilons of batch norms, most usual first. */
const usualEpsilons = [1e-5, 1e-3, 1e-6, 1e-4]

/**
 * Returns the epsilons that explain the factors of a norm: usual ones, otherwise one that is solved for, if it has few digits.
 *
 * @param factors of each channel, NaN where unknown
 * @param tolerance relative
 */
export function epsilonsFor(
  gamma: Float64Array | null,
  variance: Float64Array,
  factors: Float64Array,
  tolerance: number,
): number[] {
  const explains = (epsilon: number) =>
    factors.every((factor, channel) => {
      const expected = (gamma?.[channel] ?? 1) / Math.sqrt((variance[channel] ?? 0) + epsilon)
      return Number.isNaN(factor) || Math.abs(factor - expected) <= tolerance * Math.abs(expected)
    })
  const usual = usualEpsilons.filter(explains)
  if (usual.length > 0) return usual
  const known = [...factors.keys()].filter(channel => factors[channel] && gamma?.[channel] !== 0)
  const least = known.reduce<number | undefined>(
    (best, channel) => (best === undefined || (variance[channel] ?? 0) < (variance[best] ?? 0) ? channel : best),
    undefined,
  )
  if (least === undefined) return []
  const solved = ((gamma?.[least] ?? 1) / (factors[least] ?? 1)) ** 2 - (variance[least] ?? 0)
  if (!(solved >= 0)) return []
  return [...new Set([1, 2, 3, 4, 5, 6].map(digits => Number(solved.toPrecision(digits))))].filter(explains)
}
