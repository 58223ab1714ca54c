import { visitChannels } from './channels.ts'
import type { Derivation, FoldedBias, FoldedNorm, FoldedWeight } from './derivation.ts'
import { type DerivedTensor, tensorOfValues, valuesOf } from './derived-tensor.ts'
import { concatenatedTensors, gatheredRows, sliced, transposed } from './element-moves.ts'
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
    case 'gather':
      return gatheredRows(deriveWeight(derivation.of, read), derivation.indices)
    case 'concat': {
      const [first, ...rest] = derivation.of.map(part => deriveWeight(part, read))
      if (!first) throw new RangeError('a concatenation has no parts')
      return concatenatedTensors([first, ...rest], derivation.axis)
    }
    case 'affine': {
      return affineTensor(deriveWeight(derivation.of, read), derivation.scale, derivation.shift)
    }
    case 'folded-weight':
      return foldedWeight(derivation, read)
    case 'folded-bias':
      return foldedBias(derivation, read)
  }
}

/** Returns scale * w + shift in the type of a tensor. Both numbers are rounded to it first; the product is rounded, then the sum. */
export function affineTensor(source: DerivedTensor, scale: number, shift: number): DerivedTensor {
  const round = roundingOf(source.dtype)
  const [factor, term] = [round(scale), round(shift)]
  // A sum with 0 would change the sign of a negative zero.
  const add = (product: number) => (term === 0 ? product : round(product + term))
  const values = valuesOf(source).map(value => add(round(value * factor)))
  return tensorOfValues(source.dtype, source.dims, values)
}

function foldedWeight({ of, axis, groups, norm }: FoldedWeight, read: TensorSupplier): DerivedTensor {
  const weight = deriveWeight(of, read)
  const round = roundingOf(norm.arithmetic === 'binary64' ? 'float64' : norm.dtype)
  const values = valuesOf(weight)
  const factors = foldFactors(normValues(norm, read), norm.arithmetic, round)
  visitChannels(weight.dims, { axis, groups }, (channel, start, end) => {
    const factor = factors[channel] ?? 1
    for (let at = start; at < end; at += 1) values[at] = round((values[at] ?? 0) * factor)
  })
  return tensorOfValues(weight.dtype, weight.dims, values)
}

function foldedBias({ of, norm }: FoldedBias, read: TensorSupplier): DerivedTensor {
  const bias = of && deriveWeight(of, read)
  const { dims } = read(norm.mean)
  const values = foldBias(bias && valuesOf(bias), normValues(norm, read), norm.arithmetic, roundingOf(norm.dtype))
  return tensorOfValues(norm.dtype, bias?.dims ?? dims, values)
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
