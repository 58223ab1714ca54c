import { contribOperators } from './contrib-operator-types.ts'
import type { OperatorSignatures } from './operator-signatures.ts'

/**
 * Those of ai.onnx, and what onnxruntime besides takes for one of them: LayerNormalization before version 17, SimplifiedLayerNormalization.
 *
 * Left out are operators that choose the type of an output without saying so (EyeLike, RandomNormalLike), or have sequences and optional
 * values. Source: the operator schemas of ONNX 1.23, up to version 28 (https://github.com/onnx/onnx/blob/main/docs/Changelog.md).
 */
const standardOperators: OperatorSignatures = {
  Abs: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Acos: { 7: 'a>a dfh', 22: 'a>a dfhb' },
  Acosh: { 9: 'a>a dfh', 22: 'a>a dfhb' },
  Add: { 1: 'aa>a dfh', 13: 'aa>a dfhb' },
  AffineGrid: { 20: 'a->a dfhb' },
  ArgMax: { 1: 'a>- dfh', 13: 'a>- dfhb' },
  ArgMin: { 1: 'a>- dfh', 13: 'a>- dfhb' },
  Asin: { 7: 'a>a dfh', 22: 'a>a dfhb' },
  Asinh: { 9: 'a>a dfh', 22: 'a>a dfhb' },
  Atan: { 7: 'a>a dfh', 22: 'a>a dfhb' },
  Atanh: { 9: 'a>a dfh', 22: 'a>a dfhb' },
  Attention: { 23: 'aabcab>aaba dfhb,dfhb,dfhb', 24: 'aabcab->aaba dfhb,dfhb,dfhb' },
  AveragePool: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  BatchNormalization: { 1: 'aaaaa>aaaaa dfh', 14: 'aaabb>abb dfhb,dfhb', 15: 'abbcc>acc dfhb,dfhb,dfhb' },
  BlackmanWindow: { 17: '->a dfhb' },
  Cast: { 1: 'a>b dfh,dfh', 13: 'a>b dfhb,dfhb' },
  CastLike: { 15: 'ab>b dfhb,dfhb' },
  CausalConvWithState: { 27: 'aaaa>aa fhb' },
  Ceil: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Celu: { 12: 'a>a f', 28: 'a>a dfhb' },
  CenterCropPad: { 18: 'a->a dfhb' },
  Clip: { 1: 'a>a dfh', 11: 'aaa>a dfh', 13: 'aaa>a dfhb' },
  Col2Im: { 18: 'a-->a dfhb' },
  Compress: { 9: 'a->a dfh', 28: 'a->a dfhb' },
  Concat: { 1: 'a+>a dfh', 13: 'a+>a dfhb' },
  Constant: { 1: '>a dfh', 13: '>a dfhb' },
  ConstantOfShape: { 9: '->a dfh', 20: '->a dfhb' },
  Conv: { 1: 'aaa>a dfh', 22: 'aaa>a dfhb' },
  ConvTranspose: { 1: 'aaa>a dfh', 22: 'aaa>a dfhb' },
  Cos: { 7: 'a>a dfh', 22: 'a>a dfhb' },
  Cosh: { 9: 'a>a dfh', 22: 'a>a dfhb' },
  CumProd: { 26: 'a->a dfhb' },
  CumSum: { 11: 'a->a df', 14: 'a->a dfhb' },
  DFT: { 17: 'a->a dfhb', 20: 'a-->a dfhb' },
  DeformConv: { 19: 'aaaaa>a dfh', 22: 'aaaaa>a dfhb' },
  DepthToSpace: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  DequantizeLinear: { 10: '-a->b f,f', 19: 'aba>b ,fhb', 23: '' },
  Det: { 11: 'a>a dfh', 22: 'a>a dfhb' },
  Div: { 1: 'aa>a dfh', 13: 'aa>a dfhb' },
  Dropout: { 1: 'a>aa dfh', 10: 'a>a- dfh', 12: 'ab->a- dfh,dfh', 13: 'ab->a- dfhb,dfh', 22: 'ab->a- dfhb,dfhb' },
  DynamicQuantizeLinear: { 11: 'a>-b- f,f' },
  Einsum: { 12: 'a+>a dfh', 28: 'a+>a dfhb' },
  Elu: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  Equal: { 1: '', 11: 'aa>- dfh', 13: 'aa>- dfhb' },
  Erf: { 9: 'a>a dfh', 13: 'a>a dfhb' },
  Exp: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Expand: { 8: 'a->a dfh', 13: 'a->a dfhb' },
  Flatten: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Floor: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  GRU: { 1: 'aaaa-a>aa dfh', 22: 'aaaa-a>aa dfhb' },
  Gather: { 1: 'a->a dfh', 13: 'a->a dfhb' },
  GatherElements: { 11: 'a->a dfh', 13: 'a->a dfhb' },
  GatherND: { 11: 'a->a dfh', 13: 'a->a dfhb' },
  Gelu: { 20: 'a>a dfhb' },
  Gemm: { 1: 'aaa>a dfh', 13: 'aaa>a dfhb' },
  GlobalAveragePool: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  GlobalLpPool: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  GlobalMaxPool: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  Greater: { 1: 'aa>- dfh', 13: 'aa>- dfhb' },
  GreaterOrEqual: { 12: 'aa>- dfh', 16: 'aa>- dfhb' },
  GridSample: { 16: 'ab>a dfh,dfh', 22: 'ab>a dfhb,dfhb' },
  GroupNormalization: { 18: '', 21: 'aaa>a dfhb' },
  HammingWindow: { 17: '->a dfhb' },
  HannWindow: { 17: '->a dfhb' },
  HardSigmoid: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  HardSwish: { 14: 'a>a dfh', 22: 'a>a dfhb' },
  Hardmax: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Identity: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  InstanceNormalization: { 1: 'aaa>a dfh', 22: 'aaa>a dfhb' },
  IsInf: { 10: 'a>- df', 20: 'a>- dfhb' },
  IsNaN: { 9: 'a>- dfh', 13: 'a>- dfhb' },
  LRN: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  LSTM: { 1: 'aaaa-aaa>aaa dfh', 22: 'aaaa-aaa>aaa dfhb' },
  LayerNormalization: { 1: 'abb>bcc dfhb,dfhb,f', 17: 'aaa>abb dfhb,fb' },
  LeakyRelu: { 1: 'a>a dfh', 16: 'a>a dfhb' },
  Less: { 1: 'aa>- dfh', 13: 'aa>- dfhb' },
  LessOrEqual: { 12: 'aa>- dfh', 16: 'aa>- dfhb' },
  LinearAttention: { 27: 'aaabaa>ab fhb,fhb' },
  Log: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  LogSoftmax: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  LpNormalization: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  LpPool: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  MatMul: { 1: 'aa>a dfh', 13: 'aa>a dfhb' },
  Max: { 1: 'a+>a dfh', 13: 'a+>a dfhb' },
  MaxPool: { 1: 'a>a dfh', 8: 'a>a- dfh', 22: 'a>a- dfhb' },
  MaxRoiPool: { 1: 'aa>a dfh', 22: 'aa>a dfhb' },
  MaxUnpool: { 9: 'a-->a dfh', 22: 'a-->a dfhb' },
  Mean: { 1: 'a+>a dfh', 13: 'a+>a dfhb' },
  MeanVarianceNormalization: { 9: 'a>a dfh', 13: 'a>a dfhb' },
  MelWeightMatrix: { 17: '---aa>b dfhb,dfhb' },
  Min: { 1: 'a+>a dfh', 13: 'a+>a dfhb' },
  Mish: { 18: 'a>a dfh', 22: 'a>a dfhb' },
  Mod: { 10: 'aa>a dfh', 13: 'aa>a dfhb' },
  Mul: { 1: 'aa>a dfh', 13: 'aa>a dfhb' },
  Multinomial: { 7: 'a>- dfh', 22: 'a>- dfhb' },
  Neg: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  NegativeLogLikelihoodLoss: { 12: 'a-a>a dfh', 22: 'a-a>a dfhb' },
  NonMaxSuppression: { 10: 'ab-cd>- f,f,f,f' },
  NonZero: { 9: 'a>- dfh', 13: 'a>- dfhb' },
  OneHot: { 9: 'abc>c dfh,dfh,dfh', 28: 'abc>c dfh,dfh,dfhb' },
  PRelu: { 1: 'aa>a dfh', 16: 'aa>a dfhb' },
  Pad: { 1: 'a>a dfh', 11: 'a-a>a dfh', 13: 'a-a>a dfhb', 18: 'a-a->a dfhb' },
  Pow: { 1: 'aa>a dfh', 12: 'ab>a dfh,dfh', 13: 'ab>a dfhb,dfh', 15: 'ab>a dfhb,dfhb' },
  QLinearConv: { 10: '-a--b-c-->- f,f,f' },
  QLinearMatMul: { 10: '-a--b-c->- f,f,f', 21: 'abacbcbd>d ,fhb,,' },
  QuantizeLinear: { 10: 'ab->- f,f', 19: 'aab>b fhb,', 23: 'abc>c fhb,fhb,' },
  RMSNormalization: { 23: 'ab>b dfhb,dfhb' },
  RNN: { 1: 'aaaa-a>aa dfh', 22: 'aaaa-a>aa dfhb' },
  RandomNormal: { 1: '>a dfh', 22: '>a dfhb' },
  RandomUniform: { 1: '>a dfh', 22: '>a dfhb' },
  Range: { 11: 'aaa>a df', 27: 'aaa>a dfhb' },
  Reciprocal: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  ReduceL1: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceL2: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceLogSum: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceLogSumExp: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceMax: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceMean: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceMin: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceProd: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  ReduceSum: { 1: 'a>a dfh', 13: 'a->a dfhb' },
  ReduceSumSquare: { 1: 'a>a dfh', 13: 'a>a dfhb', 18: 'a->a dfhb' },
  Relu: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Reshape: { 1: 'a>a dfh', 5: 'a->a dfh', 13: 'a->a dfhb' },
  Resize: { 10: 'ab>a dfh,f', 11: 'abc->a dfh,dfh,f', 13: 'abc->a dfhb,dfh,f' },
  ReverseSequence: { 10: 'a->a dfh', 28: 'a->a dfhb' },
  RoiAlign: { 10: 'aa->a dfh', 22: 'aa->a dfhb' },
  RotaryEmbedding: { 23: 'aaa->a fhb' },
  Round: { 11: 'a>a dfh', 22: 'a>a dfhb' },
  STFT: { 17: 'a-a->a dfhb' },
  Scatter: { 9: 'a-a>a dfh', 11: '' },
  ScatterElements: { 11: 'a-a>a dfh', 13: 'a-a>a dfhb' },
  ScatterND: { 11: 'a-a>a dfh', 13: 'a-a>a dfhb' },
  Selu: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  Shape: { 1: 'a>- dfh', 13: 'a>- dfhb' },
  Shrink: { 9: 'a>a dfh' },
  Sigmoid: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Sign: { 9: 'a>a dfh', 13: 'a>a dfhb' },
  SimplifiedLayerNormalization: { 1: 'ab>bc dfhb,dfhb,f' },
  Sin: { 7: 'a>a dfh', 22: 'a>a dfhb' },
  Sinh: { 9: 'a>a dfh', 22: 'a>a dfhb' },
  Size: { 1: 'a>- dfh', 13: 'a>- dfhb' },
  Slice: { 1: 'a>a dfh', 10: 'a---->a dfh', 13: 'a---->a dfhb' },
  Softmax: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  SoftmaxCrossEntropyLoss: { 12: 'a-a>aa dfh', 13: 'a-a>aa dfhb' },
  Softplus: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  Softsign: { 1: 'a>a dfh', 22: 'a>a dfhb' },
  SpaceToDepth: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Split: { 1: 'aa>a+ dfh', 2: 'a>a+ dfh', 13: 'a->a+ dfhb' },
  Sqrt: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Squeeze: { 1: 'a>a dfh', 13: 'a->a dfhb' },
  Sub: { 1: 'aa>a dfh', 13: 'aa>a dfhb' },
  Sum: { 1: 'a+>a dfh', 13: 'a+>a dfhb' },
  SwiGLU: { 28: 'aa>a dfhb' },
  Swish: { 24: 'a>a dfhb' },
  Tan: { 7: 'a>a dfh', 22: 'a>a dfhb' },
  Tanh: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  TensorScatter: { 24: 'aa->a dfhb' },
  TfIdfVectorizer: { 9: '->a f' },
  ThresholdedRelu: { 10: 'a>a dfh', 22: 'a>a dfhb' },
  Tile: { 1: 'aaa>a dfh', 6: 'a->a dfh', 13: 'a->a dfhb' },
  TopK: { 1: 'a>a- dfh', 10: 'a->a- dfh', 24: 'a->a- dfhb' },
  Transpose: { 1: 'a>a dfh', 13: 'a>a dfhb' },
  Trilu: { 14: 'a->a dfhb' },
  Unique: { 11: 'a>a--- dfh', 28: 'a>a--- dfhb' },
  Unsqueeze: { 1: 'a>a dfh', 13: 'a->a dfhb' },
  Upsample: { 1: 'a>a dfh', 9: 'ab>a dfh,f', 10: '' },
  Where: { 9: '-aa>a dfh', 16: '-aa>a dfhb' },
}

/** By domain, with the newest version that is known. */
const domains: ReadonlyMap<string, { operators: OperatorSignatures; newest: number }> = new Map([
  ['', { operators: standardOperators, newest: 28 }],
  ['com.microsoft', { operators: contribOperators, newest: 1 }],
])

const dtypes: Readonly<Record<string, string>> = { d: 'float64', f: 'float32', h: 'float16', b: 'bfloat16' }

/** A type that some inputs and outputs of an operator share. `admits`: names of the floating-point types that it may be. */
export type SharedType = { admits: readonly string[] }

/** The shared type of each input and output by its place; null where it is never a float. */
export type OperatorTypes = {
  input(index: number): SharedType | null
  output(index: number): SharedType | null
}

/** What an operator says of its types; null if it is not known, or they cannot be followed. */
export function operatorTypes(domain: string, opType: string, version: number): OperatorTypes | null {
  const { operators = {}, newest = 0 } = domains.get(domain) ?? {}
  const versions = Object.hasOwn(operators, opType) ? operators[opType] : undefined
  if (!versions || version > newest) return null
  const since = Math.max(
    ...Object.keys(versions)
      .map(Number)
      .filter(each => each <= version),
  )
  const signature = versions[since]
  if (!signature) return null
  const [slots = '', sets = ''] = signature.split(' ')
  const [inputs = '', outputs = ''] = slots.split('>')
  const shared = sets.split(',').map((set): SharedType => ({ admits: [...set].flatMap(code => dtypes[code] ?? []) }))
  const at = (letters: string, index: number) => {
    const repeats = letters.endsWith('+')
    const letter = letters[repeats ? Math.min(index, letters.length - 2) : index] ?? '-'
    return shared[letter.charCodeAt(0) - 'a'.charCodeAt(0)] ?? null
  }
  return { input: index => at(inputs, index), output: index => at(outputs, index) }
}
