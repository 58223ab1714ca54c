import type { Derivation, FoldedBias, FoldedNorm, FoldedWeight } from './derivation.ts'
import { type DerivedTensor, tensorOfValues, valuesOf } from './derived-tensor.ts'
import { around, concatenatedTensors, sliced, transposed } from './element-moves.ts'
import { foldBias, foldFactors, type NormValues, roundingOf } from './fold-norm.ts'

/** Reads a tensor of a checkpoint by its key, whole. @throws TureenError if the checkpoint lacks it */
export type TensorSupplier = (key: string) => DerivedTensor

/**
 * Returns a weight of the graph as the exporter makes it from this checkpoint, bit for bit. Only a norm folded by
 * `binary64` may differ from the export in last places.
 *
 * @param derivation the way that was found in another checkpoint, which this one fits
 * @throws RangeError for an empty concatenation
 */
export function deriveWeight(derivation: Derivation, read: TensorSupplier): DerivedTensor {
  switch (derivation.op) {
    case 'tensor':
      return read(derivation.key)
    case 'cast': {
      const source = deriveWeight(derivation.of, read)
      return tensorOfValues(derivation.dtype, source.dims, valuesOf(source))
    }
    case 'reshape':
      return { ...deriveWeight(derivation.of, read), dims: [...derivation.dims] }
    case 'transpose':
      return transposed(deriveWeight(derivation.of, read), derivation.axes)
    case 'slice': {
      const { axis, start, end } = derivation
      return sliced(deriveWeight(derivation.of, read), axis, start, end)
    }
    case 'concat': {
      const [first, ...rest] = derivation.of.map(part => deriveWeight(part, read))
      if (!first) throw new RangeError('a concatenation has no parts')
      return concatenatedTensors([first, ...rest], derivation.axis)
    }
    case 'affine': {
      const source = deriveWeight(derivation.of, read)
      const round = roundingOf(source.dtype)
      const { scale, shift } = derivation
      const values = valuesOf(source).map(value => round(round(value * scale) + shift))
      return tensorOfValues(source.dtype, source.dims, values)
    }
    case 'folded-weight':
      return foldedWeight(derivation, read)
    case 'folded-bias':
      return foldedBias(derivation, read)
  }
}

function foldedWeight({ of, axis, groups, norm }: FoldedWeight, read: TensorSupplier): DerivedTensor {
  const weight = deriveWeight(of, read)
  const round = roundingOf(weight.dtype)
  const values = valuesOf(weight)
  const factors = foldFactors(normValues(norm, read), norm.arithmetic, round)
  multiplyChannels(values, weight.dims, { axis, groups, factors }, norm.arithmetic === 'binary64' ? undefined : round)
  return tensorOfValues(weight.dtype, weight.dims, values)
}

function foldedBias({ of, norm }: FoldedBias, read: TensorSupplier): DerivedTensor {
  const bias = of && deriveWeight(of, read)
  const { dtype, dims } = read(norm.mean)
  const values = foldBias(bias && valuesOf(bias), normValues(norm, read), norm.arithmetic, roundingOf(dtype))
  return tensorOfValues(dtype, dims, values)
}

function normValues({ gamma, beta, mean, variance, epsilon }: FoldedNorm, read: TensorSupplier): NormValues {
  const valuesAt = (key: string) => valuesOf(read(key))
  return {
    gamma: gamma === null ? null : valuesAt(gamma),
    beta: beta === null ? null : valuesAt(beta),
    mean: valuesAt(mean),
    variance: valuesAt(variance),
    epsilon,
  }
}

/** The factor of each output channel, and the axis of the weight that has them. */
type ChannelFactors = { axis: number; groups: number; factors: Float64Array }

/** Multiplies each element by the factor of its output channel, in place. */
function multiplyChannels(
  values: Float64Array,
  dims: readonly number[],
  { axis, groups, factors }: ChannelFactors,
  round: ((value: number) => number) | undefined,
): void {
  const [outer, inner] = around(dims, axis)
  const channels = dims[axis] ?? 1
  // With groups, the axis before has the input channels of all groups, one group after the other.
  const perGroup = Math.max(1, outer / groups)
  for (let before = 0; before < outer; before += 1) {
    const first = Math.floor(before / perGroup) * channels
    for (let channel = 0; channel < channels; channel += 1) {
      const factor = factors[first + channel] ?? 1
      const start = (before * channels + channel) * inner
      for (let at = start; at < start + inner; at += 1) {
        const product = (values[at] ?? 0) * factor
        values[at] = round ? round(product) : product
      }
    }
  }
}
