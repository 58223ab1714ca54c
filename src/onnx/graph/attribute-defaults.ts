/**
 * What attributes are if they are not given, by domain, operator and attribute. A default holds in all versions of an operator, unless
 * it is listed by version below: it does no harm to ignore that an attribute came later (or went) if its absence meant the same.
 *
 * Sources: ONNX's Operators.md and Changelog.md (https://github.com/onnx/onnx/tree/main/docs, up to version 28 of ai.onnx), onnxruntime's
 * ContribOperators.md (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md) and its experiments of ai.onnx.
 */
export type AttributeDefault =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }

type Defaults = Readonly<Record<string, AttributeDefault>>
type DefaultTable = Readonly<Record<string, Defaults>>

const i = (value: number): AttributeDefault => ({ i: value })
/** As a file has it: in single precision. */
const f = (value: number): AttributeDefault => ({ f: Math.fround(value) })
const s = (value: string): AttributeDefault => ({ s: value })

const no = i(0)
const yes = i(1)
const last = i(-1)
const zero = f(0)
const one = f(1)

const alike = (opTypes: readonly string[], defaults: Defaults): DefaultTable =>
  Object.fromEntries(opTypes.map(opType => [opType, defaults]))

const padded = { auto_pad: s('NOTSET') }
const conv = { ...padded, group: i(1) }
const recurrent = { direction: s('forward'), layout: no, output_sequence: no }
const normalised = { axis: last, epsilon: f(1e-5), stash_type: i(1) }
const classic = { post_transform: s('NONE') }
const product = { alpha: one, transA: no, transB: no }
const gemm = { ...product, beta: one }

const onnx: DefaultTable = {
  ...alike(['Add', 'And', 'Div', 'Equal', 'Greater', 'Less', 'Mul', 'Or', 'Pow', 'Sub', 'Xor'], { broadcast: no }),
  ...alike(['ArgMax', 'ArgMin'], { axis: i(0), keepdims: yes, select_last_index: no }),
  ...alike(['BlackmanWindow', 'HammingWindow', 'HannWindow'], { output_datatype: i(1), periodic: yes }),
  ...alike(['Cast', 'CastLike'], { round_mode: s('up'), saturate: yes }),
  ...alike(['Celu', 'Elu', 'SwiGLU', 'Swish', 'ThresholdedRelu'], { alpha: one }),
  ...alike(['Conv', 'ConvInteger', 'ConvTranspose', 'QLinearConv'], conv),
  ...alike(['CumProd', 'CumSum'], { exclusive: no, reverse: no }),
  ...alike(['Gather', 'GatherElements', 'Scatter'], { axis: i(0) }),
  ...alike(['LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization'], normalised),
  ...alike(['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'], { reduction: s('mean') }),
  ...alike(
    [
      'ReduceL1',
      'ReduceL2',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceMax',
      'ReduceMean',
      'ReduceMin',
      'ReduceProd',
      'ReduceSum',
      'ReduceSumSquare',
    ],
    { keepdims: yes, noop_with_empty_axes: no },
  ),
  Affine: { alpha: one, beta: zero },
  AffineGrid: { align_corners: no },
  Attention: {
    is_causal: no,
    left_window_size: i(-1),
    qk_matmul_output_mode: i(0),
    right_window_size: i(-1),
    softcap: zero,
  },
  AveragePool: { ...padded, ceil_mode: no, count_include_pad: no },
  BatchNormalization: { epsilon: f(1e-5), is_test: no, momentum: f(0.9), spatial: yes, training_mode: no },
  CausalConvWithState: { activation: s('none') },
  ConcatFromSequence: { new_axis: no },
  DFT: { axis: i(1), inverse: no, onesided: no },
  DeformConv: { group: i(1), offset_group: i(1) },
  DepthToSpace: { mode: s('DCR') },
  DequantizeLinear: { axis: i(1), block_size: i(0), output_dtype: i(0) },
  Dropout: { is_test: no, ratio: f(0.5) },
  EyeLike: { k: i(0) },
  Flatten: { axis: i(1) },
  GRU: { ...recurrent, linear_before_reset: no },
  GatherND: { batch_dims: i(0) },
  Gelu: { approximate: s('none') },
  Gemm: { ...gemm, broadcast: no },
  GridSample: { align_corners: no, padding_mode: s('zeros') },
  GroupNormalization: { epsilon: f(1e-5), stash_type: i(1) },
  HardSigmoid: { alpha: f(0.2), beta: f(0.5) },
  ImageDecoder: { pixel_format: s('RGB') },
  ImageScaler: { scale: one },
  InstanceNormalization: { epsilon: f(1e-5) },
  IsInf: { detect_negative: yes, detect_positive: yes },
  LRN: { alpha: f(1e-4), beta: f(0.75), bias: one },
  LSTM: { ...recurrent, input_forget: no },
  LeakyRelu: { alpha: f(0.01) },
  LinearAttention: { chunk_size: i(64), scale: zero, update_rule: s('gated_delta') },
  LpNormalization: { axis: last, p: i(2) },
  LpPool: { ...padded, ceil_mode: no },
  MaxPool: { ...padded, ceil_mode: no, storage_order: i(0) },
  MaxRoiPool: { spatial_scale: one },
  MeanVarianceNormalization: { across_channels: no, axes: { ints: [0, 2, 3] }, normalize_variance: yes },
  MelWeightMatrix: { output_datatype: i(1) },
  Mod: { fmod: no },
  Multinomial: { dtype: i(6), sample_size: i(1) },
  NonMaxSuppression: { center_point_box: no },
  OneHot: { axis: last },
  Pad: { mode: s('constant'), value: zero },
  QuantizeLinear: { axis: i(1), block_size: i(0), output_dtype: i(0), precision: i(0), saturate: yes },
  RNN: { ...recurrent, activations: { strings: ['Tanh', 'Tanh'] } },
  RandomNormal: { dtype: i(1), mean: zero, scale: one },
  RandomNormalLike: { mean: zero, scale: one },
  RandomUniform: { dtype: i(1), high: one, low: zero },
  RandomUniformLike: { high: one, low: zero },
  Range: { stash_type: i(1) },
  Reshape: { allowzero: no },
  Resize: {
    antialias: no,
    cubic_coeff_a: f(-0.75),
    exclude_outside: no,
    extrapolation_value: zero,
    keep_aspect_ratio_policy: s('stretch'),
    mode: s('nearest'),
  },
  ReverseSequence: { batch_axis: i(1), time_axis: i(0) },
  RoiAlign: { mode: s('avg'), output_height: i(1), output_width: i(1), sampling_ratio: i(0), spatial_scale: one },
  RotaryEmbedding: { interleaved: no, rotary_embedding_dim: i(0) },
  STFT: { onesided: yes },
  Scale: { scale: one },
  ScatterElements: { axis: i(0), reduction: s('none') },
  ScatterND: { reduction: s('none') },
  Shape: { start: i(0) },
  Shrink: { bias: zero, lambd: f(0.5) },
  SpaceToDepth: { mode: s('DCR') },
  SplitToSequence: { axis: i(0), keepdims: yes },
  StringNormalizer: { case_change_action: s('NONE'), is_case_sensitive: no },
  TensorScatter: { axis: i(-2), mode: s('linear') },
  TopK: { axis: last, largest: yes, sorted: yes },
  Trilu: { upper: yes },
  Unique: { sorted: yes },
  Upsample: { mode: s('nearest') },
}

const classicModels: DefaultTable = {
  Binarizer: { threshold: zero },
  CastMap: { cast_to: s('TO_FLOAT'), map_form: s('DENSE'), max_map: i(1) },
  CategoryMapper: { default_int64: i(-1), default_string: s('_Unused') },
  Imputer: { replaced_value_float: zero, replaced_value_int64: i(0) },
  LabelEncoder: { default_float: f(-0), default_int64: i(-1), default_string: s('_Unused') },
  LinearClassifier: { ...classic, multi_class: no },
  LinearRegressor: { ...classic, targets: i(1) },
  Normalizer: { norm: s('MAX') },
  OneHotEncoder: { zeros: yes },
  SVMClassifier: { ...classic, kernel_type: s('LINEAR') },
  SVMRegressor: { ...classic, kernel_type: s('LINEAR'), n_supports: i(0), one_class: no },
  TreeEnsemble: { aggregate_function: i(1), post_transform: i(0) },
  TreeEnsembleClassifier: classic,
  TreeEnsembleRegressor: { ...classic, aggregate_function: s('SUM') },
}

const training: DefaultTable = {
  Adagrad: { decay_factor: zero, epsilon: f(1e-6), norm_coefficient: zero },
  Adam: { alpha: f(0.9), beta: f(0.999), epsilon: f(1e-6), norm_coefficient: zero, norm_coefficient_post: zero },
}

/** Only what has long been so: these schemas change without a version. */
const microsoft: DefaultTable = {
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

const tables = new Map<string, ReadonlyMap<string, ReadonlyMap<string, AttributeDefault>>>(
  Object.entries({
    '': onnx,
    'ai.onnx.ml': classicModels,
    'ai.onnx.preview.training': training,
    'com.microsoft': microsoft,
  }).map(([domain, table]) => [
    domain,
    new Map(Object.entries(table).map(([opType, defaults]) => [opType, new Map(Object.entries(defaults))])),
  ]),
)

type Change = readonly [since: number, value: AttributeDefault]

const softmax: readonly Change[] = [
  [1, i(1)],
  [13, i(-1)],
]
const norm: readonly Change[] = [
  [1, f(2)],
  [2, i(2)],
]

/** Defaults of ai.onnx that changed, or whose absence meant something else before: none before the first version. */
const changes = new Map<string, readonly Change[]>([
  ['Clip max', [[6, f(3.4028234663852886e38)]]],
  ['Clip min', [[6, f(-3.4028234663852886e38)]]],
  [
    'GRU direction',
    [
      [1, s('foward')],
      [3, s('forward')],
    ],
  ],
  ['GlobalLpPool p', norm],
  [
    'GridSample mode',
    [
      [16, s('bilinear')],
      [20, s('linear')],
    ],
  ],
  ['Hardmax axis', softmax],
  ['LogSoftmax axis', softmax],
  ['LpPool p', norm],
  ['Resize coordinate_transformation_mode', [[11, s('half_pixel')]]],
  ['Resize nearest_mode', [[11, s('round_prefer_floor')]]],
  ['RoiAlign coordinate_transformation_mode', [[16, s('half_pixel')]]],
  [
    'Selu alpha',
    [
      [1, f(1.6732)],
      [6, f(1.6732631921768188)],
    ],
  ],
  [
    'Selu gamma',
    [
      [1, f(1.0507)],
      [6, f(1.0507010221481323)],
    ],
  ],
  ['Softmax axis', softmax],
  ['Split axis', [[2, i(0)]]],
])

/** What an attribute is if it is not given, under the version of its domain; undefined if that is not known or nothing. */
export function attributeDefault(
  domain: string,
  opType: string,
  version: number,
  attribute: string,
): AttributeDefault | undefined {
  const changed = domain === '' ? changes.get(`${opType} ${attribute}`) : undefined
  if (changed) return changed.findLast(([since]) => since <= version)?.[1]
  return tables.get(domain)?.get(opType)?.get(attribute)
}
