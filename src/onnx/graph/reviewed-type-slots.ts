import type { OperatorSignatures } from './operator-signatures.ts'

/**
 * Types of operators of ai.onnx that ONNX's operator documents do not have, reviewed by hand. They take precedence over those in
 * ../generated/.
 */
export const reviewedTypeSlots: OperatorSignatures = {
  // onnxruntime takes these from version 1 on. Source: its schemas (onnxruntime/core/graph/contrib_ops/contrib_defs.cc).
  LayerNormalization: { 1: 'abb>bcc dfhb,dfhb,f' },
  SimplifiedLayerNormalization: { 1: 'ab>bc dfhb,dfhb,f' },
  // Version 28 as ONNX 1.23.1 has it (`onnx.defs` in Python); the documents precede that release.
  Compress: { 28: 'a->a dfhb' },
  Einsum: { 28: 'a+>a dfhb' },
  OneHot: { 28: 'abc>c dfh,dfh,dfhb' },
  ReverseSequence: { 28: 'a->a dfhb' },
  Unique: { 28: 'a>a--- dfhb' },
}

/**
 * Operators of ai.onnx whose types are not followed, by the version from which on. An attribute that may be left out says the type of the
 * output, or what an optional value holds does; BitCast reads the bits of its input.
 */
export const untoldSince: ReadonlyMap<string, number> = new Map([
  ['Bernoulli', 15],
  ['BitCast', 26],
  ['DequantizeLinear', 23],
  ['EyeLike', 9],
  ['OptionalGetElement', 15],
  ['OptionalHasElement', 15],
  ['RandomNormalLike', 1],
  ['RandomUniformLike', 1],
])
