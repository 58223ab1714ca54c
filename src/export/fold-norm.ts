import { floatFormat } from '../tensor/float-format.ts'
import type { FoldArithmetic } from './derivation.ts'

/** The values of a batch norm for each channel. `gamma` and `beta` are null for a norm without them. */
export type NormValues = {
  gamma: Float64Array | null
  beta: Float64Array | null
  mean: Float64Array
  variance: Float64Array
  epsilon: number
}

/** A function that rounds a binary64 value to a type, as an operator of that type does. */
export type StepRounding = (value: number) => number

/**
 * Returns the factor of each channel. Every step is rounded.
 *
 * - `scale`: gamma / sqrt(variance + epsilon), as torch.onnx.export, onnxruntime and onnxoptimizer fold.
 * - `rsqrt`: gamma * (1 / sqrt(variance + epsilon)), as torch.nn.utils.fuse_conv_bn_weights folds.
 * - `binary64`: as `scale`, without rounding.
 */
export function foldFactors(
  { gamma, variance, epsilon }: Pick<NormValues, 'gamma' | 'variance' | 'epsilon'>,
  arithmetic: FoldArithmetic,
  round: StepRounding,
): Float64Array<ArrayBuffer> {
  const own = arithmetic === 'binary64' ? exact : round
  const small = own(epsilon)
  return Float64Array.from(variance, (value, channel) => {
    const root = own(Math.sqrt(own(value + small)))
    const scale = gamma?.[channel] ?? 1
    return arithmetic === 'rsqrt' ? own(scale * own(1 / root)) : own(scale / root)
  })
}

/**
 * Returns the bias of each channel behind a folded norm: (bias - mean) * factor + beta. Under `rsqrt` the product is
 * (bias - mean) * (1 / sqrt(variance + epsilon)) * gamma. @param bias null for zeros
 */
export function foldBias(
  bias: Float64Array | null,
  norm: NormValues,
  arithmetic: FoldArithmetic,
  round: StepRounding,
): Float64Array<ArrayBuffer> {
  const own = arithmetic === 'binary64' ? exact : round
  const isSplit = arithmetic === 'rsqrt'
  const factors = foldFactors(isSplit ? { ...norm, gamma: null } : norm, arithmetic, round)
  return factors.map((factor, channel) => {
    const centred = own((bias?.[channel] ?? 0) - (norm.mean[channel] ?? 0))
    const product = own(centred * factor)
    const scaled = isSplit ? own(product * (norm.gamma?.[channel] ?? 1)) : product
    return own(scaled + (norm.beta?.[channel] ?? 0))
  })
}

function exact(value: number): number {
  return value
}

/** Returns the rounding of a float type, such as `float32`. */
export function roundingOf(dtype: string): StepRounding {
  if (dtype === 'float64') return exact
  if (dtype === 'float32') return Math.fround
  const format = floatFormat(dtype)
  const [value, bytes] = [new Float64Array(1), new Uint8Array(8)]
  return unrounded => {
    value[0] = unrounded
    format.round(value, 1, bytes)
    format.begin(value, bytes, 1, 1)
    return value[0] ?? 0
  }
}
