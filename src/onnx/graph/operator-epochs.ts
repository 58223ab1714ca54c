import { isKnownOpset } from './known-opsets.ts'

/**
 * When operators changed their meaning: versions of a domain from which on a node that is written the same way (operator, attributes,
 * inputs and outputs) computes something else. Two nodes may be compared across versions if their epochs are equal.
 *
 * No epoch is what widens an operator: more types or ranks, negative axes, an optional attribute or input whose absence means what it meant
 * before. Nor is an attribute that became an input (Clip, Pad, Slice, Squeeze, TopK): there the nodes differ themselves. Nor are what read as
 * corrections of the text rather than of the operator (transposed R of LSTM, the padding of SAME_UPPER, windows that start in the padding).
 *
 * Sources: ONNX's Operators.md and Changelog.md (https://github.com/onnx/onnx/tree/main/docs), up to version 28 of ai.onnx.
 */
const onnx: Readonly<Record<string, readonly number[]>> = {
  Add: [7], // without broadcast=1, shapes had to be equal; since then they are broadcast as in NumPy
  And: [7], // as Add
  BatchNormalization: [7], // without is_test=1 it was training; since then one output is inference, and in 14 as well
  DFT: [20], // the axis that is not given was 1, since then the last but one
  Div: [7], // as Add
  Dropout: [7], // without is_test=1 it dropped at random; since then it is a copy unless told otherwise
  Equal: [7], // as Add
  Gemm: [7], // C as in Add
  Greater: [7], // as Add
  GroupNormalization: [21], // scale and bias by group, since then by channel
  Hardmax: [13], // as Softmax
  Less: [7], // as Add
  LogSoftmax: [13], // as Softmax
  MeanVarianceNormalization: [9], // an experiment by spatial axes, since then by batch as well
  Mul: [7], // as Add
  OneHot: [11], // a negative index was off everywhere, since then it counts from the end
  Or: [7], // as Add
  Pow: [7], // as Add
  PRelu: [7], // a slope by channel, since then by the last axis
  Resize: [11], // coordinates were asymmetric, since then half_pixel; the second input was scales, since then roi
  RoiAlign: [16], // coordinates were output_half_pixel, since then half_pixel
  Scan: [9], // with a batch axis and lengths of sequences, since then without
  Selu: [6], // other digits of alpha and gamma
  Softmax: [13], // over all axes from axis on, 1 if not given; since then over axis alone, -1 if not given
  Split: [2], // no axis was given to those who gave none, since then 0
  Sub: [7], // as Add
  Xor: [7], // as Add
}

const operators: ReadonlyMap<string, readonly number[]> = new Map(Object.entries(onnx))

/**
 * The version of its domain at which an operator got the meaning that it has under the version imported; 1 if it always had it. Each
 * version that Tureen does not know is an epoch of its own. The domain of ai.onnx is ''.
 */
export function operatorEpoch(domain: string, opType: string, version: number): number {
  if (!isKnownOpset(domain, version)) return version
  return (domain === '' && operators.get(opType)?.findLast(since => since <= version)) || 1
}
