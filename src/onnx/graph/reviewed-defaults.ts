import type { AttributeDefault, DefaultTable } from './default-table.ts'

/**
 * Defaults that ONNX's operator documents lack, reviewed by hand. They take precedence over those in ../generated/.
 *
 * Sources: the operator schemas of ONNX 1.23.1 (`onnx.defs` in Python), onnxruntime's ContribOperators.md
 * (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md), and onnxruntime's experimental
 * operators of ai.onnx.
 */

/** Defaults that hold in all versions, by operator and attribute. */
type ConstantTable = Readonly<Record<string, Readonly<Record<string, AttributeDefault>>>>

const i = (value: number): AttributeDefault => ({ i: value })
const f = (value: number): AttributeDefault => ({ f: value })
const s = (value: string): AttributeDefault => ({ s: value })

const no = i(0)
const yes = i(1)
const last = i(-1)
const zero = f(0)
const one = f(1)

const alike = (opTypes: readonly string[], defaults: ConstantTable[string]): ConstantTable =>
  Object.fromEntries(opTypes.map(opType => [opType, defaults]))

const since1 = (table: ConstantTable): DefaultTable =>
  Object.fromEntries(
    Object.entries(table).map(([opType, defaults]) => [
      opType,
      Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, { 1: value }])),
    ]),
  )

const padded = { auto_pad: s('NOTSET') }
const conv = { ...padded, group: i(1) }
const product = { alpha: one, transA: no, transB: no }
const gemm = { ...product, beta: one }

/** Numbers that the documents round to five decimals. */
const exactNumbers: DefaultTable = {
  Clip: { max: { 6: f(3.4028234663852886e38) }, min: { 6: f(-3.4028234663852886e38) } },
  Selu: { alpha: { 6: f(1.6732631921768188) }, gamma: { 6: f(1.0507010221481323) } },
}

/**
 * Experimental operators of ONNX from before 2018, which onnxruntime still takes, and one that onnxruntime adds to
 * ai.onnx.
 */
const experiments = since1({
  Affine: { alpha: one, beta: zero },
  ImageScaler: { scale: one },
  MeanVarianceNormalization: { across_channels: no, normalize_variance: yes },
  Scale: { scale: one },
  SimplifiedLayerNormalization: { axis: last, epsilon: f(1e-5), stash_type: i(1) },
})

/** The documents list no attributes of deprecated versions. */
const deprecated: DefaultTable = { GroupNormalization: { epsilon: { 18: f(1e-5) } } }

/** ONNX 1.23 is newer than the documents. */
const newer: DefaultTable = { SpaceToDepth: { mode: { 28: s('DCR') } } }

/** The documents round 1e-6 to 0.0. */
const training = since1({ Adagrad: { epsilon: f(1e-6) }, Adam: { epsilon: f(1e-6) } })

/** Defaults that have never changed. onnxruntime changes the schemas of this domain without a new version. */
const microsoft: ConstantTable = {
  ...alike(['Attention', 'MultiHeadAttention', 'QAttention', 'QOrderedAttention'], { unidirectional: no }),
  ...alike(['ConvTransposeWithDynamicPads', 'FusedConv', 'NhwcConv', 'NhwcFusedConv'], conv),
  ...alike(
    [
      'EmbedLayerNormalization',
      'QEmbedLayerNormalization',
      'SkipLayerNormalization',
      'SkipSimplifiedLayerNormalization',
    ],
    { epsilon: f(1e-12) },
  ),
  ...alike(['FusedMatMul', 'FusedMatMulActivation'], { ...product, transBatchA: no, transBatchB: no }),
  ...alike(['GroupNorm', 'SkipGroupNorm'], { channels_last: yes, epsilon: f(1e-5) }),
  ...alike(['QGemm', 'SparseToDenseMatMul', 'TransposeMatMul'], product),
  AttnLSTM: { direction: s('forward'), input_forget: no },
  CDist: { metric: s('sqeuclidean') },
  CropAndResize: { extrapolation_value: zero, mode: s('bilinear') },
  DynamicQuantizeLSTM: { direction: s('forward'), input_forget: no },
  FusedGemm: gemm,
  GridSample: { align_corners: no, mode: s('bilinear'), padding_mode: s('zeros') },
  Irfft: { normalized: no, onesided: yes },
  IsAllFinite: { isinf_only: no, isnan_only: no },
  MaxpoolWithMask: { ...padded, storage_order: i(0) },
  MurmurHash3: { positive: yes, seed: i(0) },
  NhwcMaxPool: { ...padded, ceil_mode: no },
  Pad: { mode: s('constant') },
  QLinearAveragePool: { ...padded, ceil_mode: no, channels_last: no, count_include_pad: no },
  QLinearConv: { ...conv, channels_last: no },
  QLinearGlobalAveragePool: { channels_last: no },
  QLinearLeakyRelu: { alpha: f(0.01) },
  QuickGelu: { alpha: f(1.702) },
  RelativePositionBias: { is_bidirectional: no },
  Rfft: { normalized: no, onesided: yes, signal_ndim: i(1) },
  Trilu: { upper: yes },
  UnfoldTensor: { dim: last, step: i(1) },
}

/** By domain; '' is ai.onnx. */
export const reviewedDefaults: Readonly<Record<string, DefaultTable>> = {
  '': { ...exactNumbers, ...experiments, ...deprecated, ...newer },
  'ai.onnx.preview.training': training,
  'com.microsoft': since1(microsoft),
}
