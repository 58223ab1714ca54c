import { attributeInteger, attributeIntegers, attributeString } from './attribute-text.ts'
import type { Dims } from './dims.ts'
import type { Operator } from './network.ts'

/**
 * Returns the dims of the output of a Conv or a pool: `[N, C, ...]`, with one size for each spatial axis. ONNX's
 * Operators.md: floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1; ceil with `ceil_mode`; ceil(size /
 * stride) with auto_pad SAME.
 *
 * @param image dims of the input, `[N, C, ...]`; null if unknown
 * @param weight dims of a Conv's weight, `[O, I, ...]`
 */
export function slidingDims(operator: Operator, image: Dims | null, weight: Dims | null): Dims | null {
  if (!image || image.length < 3) return null
  const { opType, attributes } = operator
  const axes = image.length - 2
  const kernel = opType === 'Conv' ? weight?.slice(2) : attributeIntegers(attributes, 'kernel_shape')
  const filled = (name: string, length: number, value: number) =>
    attributeIntegers(attributes, name) ?? Array.from({ length }, () => value)
  const [strides, dilations, pads] = [
    filled('strides', axes, 1),
    filled('dilations', axes, 1),
    filled('pads', 2 * axes, 0),
  ]
  const autoPad = attributeString(attributes, 'auto_pad') ?? 'NOTSET'
  const rounding = attributeInteger(attributes, 'ceil_mode') === 1 ? null : Math.floor
  const sizes = image.slice(2).map((size, axis) => {
    const [window, stride, dilation] = [kernel?.[axis] ?? null, strides[axis] ?? 1, dilations[axis] ?? 1]
    if (size === null) return null
    if (autoPad.startsWith('SAME')) return Math.ceil(size / stride)
    // Versions disagree on windows that start in the padding, so ceil leaves the size unknown.
    if (window === null || rounding === null) return null
    const padded = autoPad === 'VALID' ? size : size + (pads[axis] ?? 0) + (pads[axis + axes] ?? 0)
    return rounding((padded - dilation * (window - 1) - 1) / stride) + 1
  })
  return [image[0] ?? null, opType === 'Conv' ? (weight?.[0] ?? null) : (image[1] ?? null), ...sizes]
}
