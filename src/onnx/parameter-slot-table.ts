import { averagedListsOf } from './classic-models.ts'

/**
 * Float inputs of operators that are parameters, not weights: scales of quantisation, bounds, factors of resizing. By
 * domain, operator and position of the input. All versions of an operator share an entry: a position that was something
 * else before was never a weight (Resize-10 has its scales where Resize-11 has roi).
 *
 * Sources: ONNX's Operators.md (https://github.com/onnx/onnx/blob/main/docs/Operators.md), onnxruntime's
 * ContribOperators.md (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md) and QONNX's
 * docs/qonnx-custom-ops (https://github.com/fastmachinelearning/qonnx).
 */
type SlotTable = Readonly<Record<string, Readonly<Record<number, string>>>>

const quantised = { 1: 'scale', 2: 'zero_point' }
const quantisedUnary = { 1: 'X_scale', 2: 'X_zero_point', 3: 'Y_scale', 4: 'Y_zero_point' }
const quantisedBinary = {
  1: 'A_scale',
  2: 'A_zero_point',
  4: 'B_scale',
  5: 'B_zero_point',
  6: 'C_scale',
  7: 'C_zero_point',
}
const quantisedProduct = {
  1: 'a_scale',
  2: 'a_zero_point',
  4: 'b_scale',
  5: 'b_zero_point',
  6: 'y_scale',
  7: 'y_zero_point',
}
const quantisedConvolution = {
  1: 'x_scale',
  2: 'x_zero_point',
  4: 'w_scale',
  5: 'w_zero_point',
  6: 'y_scale',
  7: 'y_zero_point',
}
const pad = { 2: 'constant_value' }
const range = { 0: 'start', 1: 'limit', 2: 'delta' }
const search = { 5: 'length_penalty', 6: 'repetition_penalty' }

const onnx: SlotTable = {
  Clip: { 1: 'min', 2: 'max' },
  DequantizeLinear: quantised,
  Dropout: { 1: 'ratio' },
  MelWeightMatrix: { 3: 'lower_edge_hertz', 4: 'upper_edge_hertz' },
  NonMaxSuppression: { 3: 'iou_threshold', 4: 'score_threshold' },
  OneHot: { 1: 'depth', 2: 'values' },
  Pad: pad,
  Pow: { 1: 'exponent' },
  QLinearConv: quantisedConvolution,
  QLinearMatMul: quantisedProduct,
  QuantizeLinear: quantised,
  Range: range,
  Resize: { 1: 'roi', 2: 'scales' },
  Upsample: { 1: 'scales' },
}

const microsoft: SlotTable = {
  BeamSearch: search,
  BiasDropout: { 3: 'ratio' },
  BitmaskBiasDropout: { 3: 'ratio' },
  BitmaskDropout: { 1: 'ratio' },
  DequantizeLinear: quantised,
  DequantizeWithOrder: { 1: 'scale_input' },
  DynamicQuantizeLSTM: { 8: 'W_scale', 9: 'W_zero_point', 10: 'R_scale', 11: 'R_zero_point' },
  DynamicQuantizeMatMul: { 2: 'b_scale', 3: 'b_zero_point' },
  GatherBlockQuantized: { 2: 'scales', 3: 'zero_points' },
  GemmFloat8: { 3: 'scaleA', 4: 'scaleB', 5: 'scaleY' },
  GreedySearch: { 3: 'repetition_penalty' },
  GroupQueryAttention: { 12: 'k_scale', 13: 'v_scale' },
  MatMulBnb4: { 2: 'absmax' },
  MatMulIntegerToFloat: { 2: 'a_scale', 3: 'b_scale', 4: 'a_zero_point', 5: 'b_zero_point' },
  MatMulNBits: { 2: 'scales', 3: 'zero_points' },
  Pad: pad,
  QAttention: { 3: 'input_scale', 4: 'weight_scale', 6: 'input_zero_point', 7: 'weight_zero_point' },
  QEmbedLayerNormalization: {
    8: 'word_embedding_scale',
    9: 'position_embedding_scale',
    10: 'segment_embedding_scale',
    11: 'gamma_scale',
    12: 'beta_scale',
  },
  QGemm: { 1: 'a_scale', 2: 'a_zero_point', 4: 'b_scale', 5: 'b_zero_point', 7: 'y_scale', 8: 'y_zero_point' },
  QLinearAdd: quantisedBinary,
  QLinearAveragePool: quantisedUnary,
  QLinearConv: quantisedConvolution,
  QLinearGlobalAveragePool: quantisedUnary,
  QLinearLeakyRelu: quantisedUnary,
  QLinearMul: quantisedBinary,
  QLinearReduceMean: quantisedUnary,
  QLinearSigmoid: quantisedUnary,
  QLinearSoftmax: quantisedUnary,
  QLinearWhere: {
    2: 'x_scale',
    3: 'x_zero_point',
    5: 'y_scale',
    6: 'y_zero_point',
    7: 'z_scale',
    8: 'z_zero_point',
  },
  QMoE: { 3: 'fc1_scales', 6: 'fc2_scales', 9: 'fc3_scales' },
  QOrderedAttention: {
    1: 'scale_input',
    2: 'scale_Q_gemm',
    3: 'scale_K_gemm',
    4: 'scale_V_gemm',
    8: 'scale_Q_weight',
    9: 'scale_K_weight',
    10: 'scale_V_weight',
    14: 'scale_QKT_gemm',
    15: 'scale_QKT_softmax',
    16: 'scale_values_gemm',
  },
  QOrderedGelu: { 1: 'scale_X', 2: 'scale_Y' },
  QOrderedLayerNormalization: { 1: 'scale_X', 4: 'scale_Y' },
  QOrderedLongformerAttention: {
    1: 'scale_input',
    3: 'scale_weight',
    5: 'scale_bias',
    6: 'scale_qkv_gemm',
    9: 'scale_global_weight',
    11: 'scale_global_gemm',
    13: 'scale_output',
  },
  QOrderedMatMul: { 1: 'scale_A', 3: 'scale_B', 4: 'scale_Y', 7: 'scale_C' },
  QuantizeLinear: quantised,
  QuantizeWithOrder: { 1: 'scale_input' },
  Range: range,
  Sampling: { 3: 'repetition_penalty' },
  WhisperBeamSearch: search,
}

const quant = { 1: 'scale', 2: 'zeropt', 3: 'bitwidth' }

/** Operators of models trained for quantisation, for example with Brevitas. */
const qonnx: SlotTable = {
  BipolarQuant: { 1: 'scale' },
  FloatQuant: { 1: 'scale', 2: 'exponent_bitwidth', 3: 'mantissa_bitwidth', 4: 'exponent_bias', 5: 'max_val' },
  IntQuant: quant,
  Quant: quant,
  Trunc: { 1: 'scale', 2: 'zeropt', 3: 'in_bitwidth', 4: 'out_bitwidth' },
}

const tables = new Map<string, ReadonlyMap<string, Readonly<Record<number, string>>>>([
  ['', new Map(Object.entries(onnx))],
  ['com.microsoft', new Map(Object.entries(microsoft))],
  ['onnx.brevitas', new Map(Object.entries(qonnx))],
  ['qonnx.custom_op.general', new Map(Object.entries(qonnx))],
])

/** Returns the name of an operator's input if it is a parameter; undefined if it may be a weight. */
export function inputSlot(domain: string, opType: string, input: number, inputs: number): string | undefined {
  if (domain === 'com.microsoft' && opType === 'QLinearConcat') return concatSlot(input)
  if (domain === '' && opType === 'Resize' && input === 1 && inputs === 2) return 'scales'
  return tables.get(domain)?.get(opType)?.[input]
}

/**
 * QLinearConcat takes the scale and zero point of the result, then for each input a tensor, its scale and its zero
 * point.
 */
function concatSlot(input: number): string | undefined {
  if (input < 2) return input === 0 ? 'Y_scale' : 'Y_zero_point'
  return [undefined, 'scale', 'zero_point'][(input - 2) % 3]
}

/**
 * True if an attribute holds a parameter: the value of ConstantOfShape, attributes of classic models other than
 * averaged lists, and plain floats of any operator except Constant.
 */
export function isAttributeSlot(domain: string, opType: string, attribute: string): boolean {
  if (isPlainFloats(attribute) && (domain !== '' || opType !== 'Constant')) return true
  // Lists of a machine with support vectors are not tensors, so they never get here.
  if (domain === 'ai.onnx.ml') return !averagedListsOf(domain, opType, false).includes(attribute)
  return domain === '' && opType === 'ConstantOfShape' && attribute === 'value'
}

/** True if an attribute is one in which a Constant holds its value as plain floats. */
export function isPlainFloats(attribute: string): boolean {
  return attribute === 'value_float' || attribute === 'value_floats'
}
