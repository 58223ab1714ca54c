import { isKnownOpset } from './known-opsets.ts'
import type { Operand, Operator } from './network.ts'

/** Since this version Resize has the inputs X, roi, scales and sizes. */
const resizeWithRoi = 11

/**
 * Returns the inputs that an operator reads; null replaces an input that no kernel looks at. Resize reads `roi` only
 * with coordinates `tf_crop_and_resize` (ONNX's Operators.md: it "only takes effect" there). It never reads empty
 * `scales`: before version 13 they were mandatory next to `sizes`.
 *
 * There is no general rule for empty tensors. With onnxruntime 1.30, empty `sizes` next to `scales`, an empty bound of
 * Clip or empty axes of Slice fail at run time.
 *
 * @param version of the operator's domain
 * @param inputs in order, at the ports '0', '1', ...
 */
export function readInputs(
  { domain, opType, attributes }: Pick<Operator, 'domain' | 'opType' | 'attributes'>,
  version: number,
  inputs: Operand[],
): Operand[] {
  if (domain !== '' || opType !== 'Resize' || version < resizeWithRoi || !isKnownOpset(domain, version)) return inputs
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
