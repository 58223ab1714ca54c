/**
 * Operators of ONNX by the version of ai.onnx that introduced them, where that is 8 or later. Before it, exporters write several other
 * operators. Source: ONNX's Changelog.md (https://github.com/onnx/onnx/blob/main/docs/Changelog.md), up to version 28.
 */
const introduced: Readonly<Record<number, string>> = {
  8: 'Expand Scan',
  9: 'Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool MeanVarianceNormalization NonZero OneHot Scatter Shrink Sign Sinh TfIdfVectorizer Where',
  10: 'ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear Resize ReverseSequence RoiAlign StringNormalizer ThresholdedRelu',
  11: 'BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Range Round ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence Unique',
  12: 'Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss',
  14: 'HardSwish Trilu',
  15: 'Bernoulli CastLike Optional OptionalGetElement OptionalHasElement',
  16: 'GridSample',
  17: 'BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap',
  18: 'BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish',
  19: 'DeformConv',
  20: 'AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit',
  23: 'Attention RMSNormalization RotaryEmbedding',
  24: 'Swish TensorScatter',
  26: 'BitCast CumProd',
  27: 'CausalConvWithState LinearAttention',
  28: 'SwiGLU',
}

const versions: ReadonlyMap<string, number> = new Map(
  Object.entries(introduced).flatMap(([version, names]) =>
    names.split(' ').map(name => [name, Number(version)] as const),
  ),
)

/** The version of ai.onnx that introduced an operator; 1 if it is older than version 8, or not ONNX's own. */
export function introducedIn({ domain, opType }: { domain: string; opType: string }): number {
  return domain === '' ? (versions.get(opType) ?? 1) : 1
}
