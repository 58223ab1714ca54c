import { isKnownOpset } from './known-opsets.ts'

/**
 * Versions at which operators changed their meaning: from then on a node written in the same way (operator, attributes,
 * inputs and outputs) computes something else. Nodes of different versions are comparable if their epochs are equal.
 *
 * These changes are no epoch:
 * - more types or ranks, negative axes, or an optional attribute or input whose absence keeps the old meaning;
 * - an attribute that became an input (Clip, Pad, Slice, Squeeze, TopK), because then the nodes themselves differ;
 * - corrections of the text rather than of the operator (transposed R of LSTM, the padding of SAME_UPPER, windows that
 *   start in the padding).
 *
 * Sources: ONNX's Operators.md and Changelog.md (https://github.com/onnx/onnx/tree/main/docs), up to version 28 of
 * ai.onnx.
 */
const onnx: Readonly<Record<string, readonly number[]>> = {
  Add: [7], // without broadcast=1 shapes had to be equal; now they are broadcast as in NumPy
  And: [7], // like Add
  BatchNormalization: [7], // without is_test=1 it was training; now one output means inference, also in 14
  DFT: [20], // the default axis was 1; now it is the last but one
  Div: [7], // like Add
  Dropout: [7], // without is_test=1 it dropped at random; now it is a copy by default
  Equal: [7], // like Add
  Gemm: [7], // C like Add
  Greater: [7], // like Add
  GroupNormalization: [21], // scale and bias were by group; now by channel
  Hardmax: [13], // like Softmax
  Less: [7], // like Add
  LogSoftmax: [13], // like Softmax
  MeanVarianceNormalization: [9], // an experiment by spatial axes; now also by batch
  Mul: [7], // like Add
  OneHot: [11], // a negative index gave only off values; now it counts from the end
  Or: [7], // like Add
  Pow: [7], // like Add
  PRelu: [7], // a slope by channel; now by the last axis
  Resize: [11], // coordinates were asymmetric, now half_pixel; the second input was scales, now roi
  RoiAlign: [16], // coordinates were output_half_pixel; now half_pixel
  Scan: [9], // had a batch axis and lengths of sequences; now has neither
  Selu: [6], // other digits of alpha and gamma
  Softmax: [13], // over all axes from axis on, by default 1; now over axis alone, by default -1
  Split: [2], // axis had no default; now 0
  Sub: [7], // like Add
  Xor: [7], // like Add
}

const operators: ReadonlyMap<string, readonly number[]> = new Map(Object.entries(onnx))

/**
 * Returns the version of its domain at which an operator got its current meaning; 1 if it never changed. The domain of
 * ai.onnx is ''. Each version that Tureen does not know is an epoch of its own.
 */
export function operatorEpoch(domain: string, opType: string, version: number): number {
  if (!isKnownOpset(domain, version)) return version
  return (domain === '' && operators.get(opType)?.findLast(since => since <= version)) || 1
}
