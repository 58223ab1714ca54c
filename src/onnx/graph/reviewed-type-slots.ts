import type { OperatorSignatures } from './operator-signatures.ts'

/**
 * Types of operators of ai.onnx that ONNX's operator documents lack, reviewed by hand. They take precedence over those
 * in ../generated/.
 */
export const reviewedTypeSlots: OperatorSignatures = {
  // onnxruntime takes these from version 1 on. Source: its schemas
  // (onnxruntime/core/graph/contrib_ops/contrib_defs.cc).
  LayerNormalization: { 1: 'abb>bcc dfhb,dfhb,f' },
  SimplifiedLayerNormalization: { 1: 'ab>bc dfhb,dfhb,f' },
  // Version 28 as in ONNX 1.23.1 (`onnx.defs` in Python), a release newer than the documents.
  Compress: { 28: 'a->a dfhb' },
  Einsum: { 28: 'a+>a dfhb' },
  OneHot: { 28: 'abc>c dfh,dfh,dfhb' },
  ReverseSequence: { 28: 'a->a dfhb' },
  Unique: { 28: 'a>a--- dfhb' },
}

/**
 * Operators of ai.onnx whose types cannot be followed, with the first version of which this is true. An optional
 * attribute or the content of an optional value decides the output's type; BitCast reinterprets the bits of its input.
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
