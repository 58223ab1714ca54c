import { isKnownOpset } from './known-opsets.ts'
import type { Operand, Operator } from './network.ts'

/** Since this version Resize has its inputs X, roi, scales, sizes. */
const resizeWithRoi = 11

/**
 * The inputs that an operator reads of those that its node names, so that an input that no kernel looks at is as if it were absent.
 * - Resize reads `roi` only where coordinates are `tf_crop_and_resize` (ONNX's Operators.md: it "only takes effect" there), and no empty
 *   `scales`, which stand beside `sizes` as an input that may not be left out before version 13.
 *
 * No general rule for empty tensors: empty `sizes` beside `scales`, an empty bound of Clip or empty axes of Slice fail at run time
 * (onnxruntime 1.30).
 *
 * @param version of the operator's domain
 * @param inputs in order, at the ports '0', '1', ...
 */
export function readInputs(
  { domain, opType, attributes }: Pick<Operator, 'domain' | 'opType' | 'attributes'>,
  version: number,
  inputs: readonly Operand[],
): Operand[] {
  if (domain !== '' || opType !== 'Resize' || version < resizeWithRoi || !isKnownOpset(domain, version))
    return [...inputs]
  const crops = attributes.get('coordinate_transformation_mode') === 'string "tf_crop_and_resize"'
  const read = inputs.map(({ port, value }): Operand => {
    const isUnread = port === '1' ? !crops : port === '2' && isEmpty(value)
    return { port, value: isUnread ? null : value }
  })
  return read.slice(0, read.findLastIndex(({ value }) => value !== null) + 1)
}

function isEmpty(value: Operand['value']): boolean {
  if (value?.kind !== 'leaf') return false
  return value.tensor ? value.tensor.elements === 0 : value.literal?.byteLength === 0
}
