import type { ModelFiles } from '../external-data.ts'
import { attributeInteger, attributeIntegers } from './attribute-text.ts'
import { type Dims, sizeOf } from './dims.ts'
import { isKnownOpset } from './known-opsets.ts'
import { readIntegers } from './leaf-values.ts'
import type { Network, Operator, Value } from './network.ts'
import { slidingDims } from './sliding-dims.ts'

/** Returns the dims of a value of the network; null if its rank is unknown. */
export type KnownDims = (value: Value | null) => Dims | null

/** The input of an operator's rule: its operands' dims, and the integers that some of them hold. */
type DimsReading = { operator: Operator; dims(port: number): Dims | null; integers(port: number): number[] | undefined }
type Rule = (reading: DimsReading) => Dims | null

const keep: Rule = ({ dims }) => dims(0)
const rankOf: Rule = ({ dims }) => dims(0)?.map(() => null) ?? null
const alike = (opTypes: string, rule: Rule): [string, Rule][] => opTypes.split(' ').map(opType => [opType, rule])

/**
 * Rules for the dims of the first output of operators of ai.onnx (ONNX's Operators.md). Other operators have outputs of
 * unknown dims. A proof that needs unknown dims fails, so a missing rule never leads to a wrong one.
 */
const rules: ReadonlyMap<string, Rule> = new Map([
  ...alike(
    'Abs BatchNormalization Cast Ceil Celu Clip CumSum DequantizeLinear Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear RMSNormalization Reciprocal Relu Round Selu Shrink Sigmoid Sign Softmax Softplus Softsign Sqrt Swish Tanh ThresholdedRelu Trilu',
    keep,
  ),
  ...alike(
    'Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor',
    ({ operator, dims }) =>
      // Before version 7 the second operand was stretched to the first, and only with this attribute.
      operator.attributes.has('broadcast') ? dims(0) : broadcast(operator.operands.map((_, port) => dims(port))),
  ),
  ...alike('AveragePool Conv LpPool MaxPool', ({ operator, dims }) => slidingDims(operator, dims(0), dims(1))),
  ...alike('GlobalAveragePool GlobalLpPool GlobalMaxPool', ({ dims }) => {
    return dims(0)?.map((dim, axis) => (axis < 2 ? dim : 1)) ?? null
  }),
  ...alike('ConvTranspose Pad Resize Slice Tile Upsample', rankOf),
  ['MatMul', ({ dims }) => product(dims(0), dims(1))],
  [
    'Gemm',
    ({ operator, dims }) => {
      const isSet = (name: string) => attributeInteger(operator.attributes, name) === 1
      return [dims(0)?.[isSet('transA') ? 1 : 0] ?? null, dims(1)?.[isSet('transB') ? 0 : 1] ?? null]
    },
  ],
  [
    'Flatten',
    ({ operator, dims }) => {
      const own = dims(0)
      const axis = attributeInteger(operator.attributes, 'axis') ?? 1
      if (own === null || axis < 0) return [null, null]
      return [sizeOf(own.slice(0, axis)), sizeOf(own.slice(axis))]
    },
  ],
  [
    'Transpose',
    ({ operator, dims }) => {
      const own = dims(0)
      const perm = attributeIntegers(operator.attributes, 'perm') ?? own?.map((_, axis) => axis).reverse()
      return own && perm ? perm.map(axis => own[axis] ?? null) : null
    },
  ],
  [
    'Concat',
    ({ operator, dims }) => {
      const all = operator.operands.map((_, port) => dims(port))
      const own = all.find(each => each !== null)
      if (!own) return null
      const given = attributeInteger(operator.attributes, 'axis') ?? 1
      const at = given < 0 ? given + own.length : given
      return own.map((dim, axis) => (axis === at ? total(all.map(each => each?.[axis] ?? null)) : dim))
    },
  ],
  ['Reshape', reshaped],
  ['Unsqueeze', unsqueezed],
  ...alike(
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
    reduced,
  ),
])

const known = new WeakMap<Network, KnownDims>()

/**
 * Returns the dims that follow from those of inputs and tensors by the operators' rules. If no rule decides, the dims
 * declared in value_info count. Computed once for each network.
 * @throws TureenError if a tensor cannot be read
 */
export function knownDims(network: Network, files: ModelFiles): KnownDims {
  const before = known.get(network)
  if (before) return before
  const ofOperators = new Map<Operator, Dims | null>()
  const dimsOf: KnownDims = value => {
    switch (value?.kind) {
      case 'input':
        return value.dims?.map(numeric) ?? null
      case 'leaf':
        return value.indices ? null : (value.tensor?.dims ?? null)
      case 'result': {
        const inferred = value.index === 0 ? (ofOperators.get(value.operator) ?? null) : null
        if (!value.dims || (inferred && inferred.length !== value.dims.length)) return inferred
        return value.dims.map((dim, axis) => inferred?.[axis] ?? numeric(dim))
      }
      default:
        return null
    }
  }
  for (const operator of network.operators) {
    const { domain, opType, version } = operator
    const rule = domain === '' && isKnownOpset(domain, version) ? rules.get(opType) : undefined
    const at = (port: number) => operator.operands[port]?.value ?? null
    const integers = (port: number) => readIntegers(at(port), files)
    ofOperators.set(operator, rule?.({ operator, dims: port => dimsOf(at(port)), integers }) ?? null)
  }
  known.set(network, dimsOf)
  return dimsOf
}

function numeric(dim: number | string | null): number | null {
  return typeof dim === 'number' ? dim : null
}

function total(dims: Dims): number | null {
  return dims.reduce<number | null>((sum, dim) => (sum === null || dim === null ? null : sum + dim), 0)
}

/** Broadcasts dims as NumPy does; null if a rank is unknown. */
function broadcast(all: readonly (Dims | null)[]): Dims | null {
  const ranks = all.map(dims => dims?.length ?? null)
  if (all.length === 0 || ranks.includes(null)) return null
  const rank = ranks.reduce<number>((largest, each) => Math.max(largest, each ?? 0), 0)
  return Array.from({ length: rank }, (_, axis) => {
    const own = all.map(dims => dims?.[axis - rank + dims.length] ?? (dims && axis < rank - dims.length ? 1 : null))
    return own.find(dim => dim !== null && dim !== 1) ?? (own.includes(null) ? null : 1)
  })
}

/** Returns the dims of a product of matrices or stacks of matrices. A vector on either side drops its axis. */
function product(a: Dims | null, b: Dims | null): Dims | null {
  if (!a || !b || a.length === 0 || b.length === 0) return null
  const stacks = broadcast([a.slice(0, -2), b.slice(0, -2)]) ?? []
  const rows = a.length > 1 ? [a.at(-2) ?? null] : []
  const columns = b.length > 1 ? [b.at(-1) ?? null] : []
  return [...stacks, ...rows, ...columns]
}

function reshaped({ operator, dims, integers }: DimsReading): Dims | null {
  const shape = integers(1) ?? attributeIntegers(operator.attributes, 'shape')
  if (!shape) return null
  const own = dims(0)
  const allowsZero = attributeInteger(operator.attributes, 'allowzero') === 1
  const result = shape.map((dim, axis) => (dim === 0 && !allowsZero ? (own?.[axis] ?? null) : dim === -1 ? null : dim))
  const open = shape.indexOf(-1)
  const [size, rest] = [own && sizeOf(own), sizeOf(result.toSpliced(open, open < 0 ? 0 : 1))]
  if (open >= 0 && size !== null && rest) result[open] = size / rest
  return result
}

function unsqueezed({ operator, dims, integers }: DimsReading): Dims | null {
  const own = dims(0)
  const axes = integers(1) ?? attributeIntegers(operator.attributes, 'axes')
  if (!own || !axes) return null
  const rank = own.length + axes.length
  const added = new Set(axes.map(axis => (axis < 0 ? axis + rank : axis)))
  const rest = own.values()
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.next().value ?? null)))
}

/**
 * Without axes, all axes are reduced. An empty list of axes cannot be distinguished from no list, so it leaves the dims
 * unknown.
 */
function reduced({ operator, dims, integers }: DimsReading): Dims | null {
  const own = dims(0)
  const hasAxes = operator.operands[1]?.value !== undefined && operator.operands[1].value !== null
  const axes = hasAxes ? integers(1) : attributeIntegers(operator.attributes, 'axes')
  const keeps = (attributeInteger(operator.attributes, 'keepdims') ?? 1) === 1
  if (!own || axes?.length === 0 || (hasAxes && !axes)) return keeps && own ? own.map(() => null) : null
  const gone = new Set((axes ?? own.keys().toArray()).map(axis => (axis < 0 ? axis + own.length : axis)))
  return own.flatMap((dim, axis) => (gone.has(axis) ? (keeps ? [1] : []) : [dim]))
}
