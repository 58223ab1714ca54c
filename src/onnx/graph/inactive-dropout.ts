import { type ByteSource, readBytes } from '../byte-source.ts'
import { elementSource } from '../elements.ts'
import type { AttributeProto } from '../onnx-proto.ts'
import { isKnownOpset } from './known-opsets.ts'
import type { Leaf } from './network.ts'

/**
 * True if a Dropout returns its input unchanged. ONNX's Changelog.md: from version 12 on unless `training_mode` is
 * true; from 7 to 11 always, since the operator has no training mode there; before 7 with `is_test` 1. False for
 * versions that Tureen does not know.
 *
 * @param version of ai.onnx
 * @param trainingMode the tensor of the third input; null without that input, undefined if it is computed
 * @param source the model's own file
 */
export function isInactiveDropout(
  version: number,
  attributes: readonly AttributeProto[],
  trainingMode: Leaf | null | undefined,
  source: ByteSource,
): boolean {
  if (!isKnownOpset('', version)) return false
  if (version < 7) return attributes.some(({ name, i }) => name === 'is_test' && Number(i ?? 0) === 1)
  if (trainingMode === null) return true
  if (trainingMode?.tensor?.elements !== 1) return false
  if (trainingMode.tensor.payload.form === 'external') return false
  const elements = elementSource(trainingMode.tensor, source)
  return readBytes(elements, 0, elements.byteLength).every(byte => byte === 0)
}
