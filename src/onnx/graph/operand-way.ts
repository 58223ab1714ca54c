import { dtypeName } from '../../tensor/dtype.ts'
import { whyNeverAveraged } from '../classic-models.ts'
import { inputSlot, isAttributeSlot } from '../parameter-slot-table.ts'
import type { Operator, Value } from './network.ts'

/**
 * Where an operator takes the elements of an operand.
 * - `slot`: nowhere: they configure the operator.
 * - `dims`: nowhere: the operator reads only the dims.
 * - `rounded`: into integers or bools. The gradient there is zero, so no training changes them.
 * - `same`: all into the results, in their order.
 * - `moved`: into the results, some of them or in another order.
 * - `mapped`: into the results one by one, alone or with the elements at the same place of other operands.
 * - `folded`: into results of fewer elements, such as a sum.
 * - `bodies`: through the operator's subgraphs.
 * - `computed`: into another computation: the way of weights.
 */
export type Way =
  | { kind: 'slot'; slot: string; reason?: string | undefined }
  | { kind: 'dims' | 'rounded' | 'same' | 'moved' | 'mapped' | 'folded' | 'bodies' | 'computed' }

type Kind = Exclude<Way['kind'], 'slot'>

/** One shared object for each kind: a network may have a million operands. */
const wayOfKind = {
  dims: { kind: 'dims' },
  rounded: { kind: 'rounded' },
  same: { kind: 'same' },
  moved: { kind: 'moved' },
  mapped: { kind: 'mapped' },
  folded: { kind: 'folded' },
  bodies: { kind: 'bodies' },
  computed: { kind: 'computed' },
} as const satisfies Record<Kind, Way>

/**
 * The ways of operators of ONNX: one for all inputs, or by position; other positions are `computed`. Source: ONNX's
 * Operators.md.
 */
const ways = new Map<string, Kind | Readonly<Record<number, Kind>>>([
  ...alike('dims', 'Shape Size EyeLike RandomNormalLike RandomUniformLike OptionalHasElement SequenceLength'),
  ...alike('rounded', 'Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual NonZero'),
  ...first('same', 'Flatten Identity Optional OptionalGetElement Reshape Squeeze Unsqueeze'),
  ...alike('moved', 'Concat SequenceConstruct'),
  ...first(
    'moved',
    'Compress ConcatFromSequence DepthToSpace Expand Gather GatherElements GatherND Pad ReverseSequence SequenceAt SequenceErase',
    'Slice SpaceToDepth Split SplitToSequence Tile Transpose Trilu',
  ),
  ...['Scatter', 'ScatterElements', 'ScatterND'].map((name): [string, Record<number, Kind>] => [
    name,
    { 0: 'moved', 2: 'moved' },
  ]),
  ['SequenceInsert', { 0: 'moved', 1: 'moved' }],
  ['Where', { 1: 'moved', 2: 'moved' }],
  ...alike('mapped', 'Add Div Max Mean Min Mod Mul Sub Sum'),
  ...first(
    'mapped',
    'Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish',
    'LeakyRelu Log Mish Neg PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish',
    'Tan Tanh ThresholdedRelu',
  ),
  ...first(
    'folded',
    'CumProd CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum',
    'ReduceSumSquare',
  ),
  ...alike('bodies', 'If Loop Scan SequenceMap'),
])

/** Returns the way of one of an operator's operands. `inputs`: the number of its operands that are inputs. */
export function wayOf({ domain, opType, attributes, operands }: Operator, port: string, inputs: number): Way {
  if (port.startsWith('.')) {
    const [attribute = ''] = port.slice(1).split('[')
    if (!isAttributeSlot(domain, opType, attribute)) return wayOfKind.computed
    return { kind: 'slot', slot: attribute, reason: whyNeverAveraged(domain, opType, attribute) }
  }
  const position = Number(port)
  const slot = inputSlot(domain, opType, position, inputs)
  if (slot) return { kind: 'slot', slot }
  if (domain !== '') return wayOfKind.computed
  if (opType === 'Cast') return wayOfKind[isIndexType(attributes.get('to') ?? '') ? 'rounded' : 'same']
  if (opType === 'CastLike')
    return wayOfKind[position > 0 ? 'dims' : isOfIndexType(operands[1]?.value) ? 'rounded' : 'same']
  const way = ways.get(opType)
  return wayOfKind[(typeof way === 'object' ? way[position] : way) ?? 'computed']
}

/** Bool and the integers of 16 bits and more: counts, sizes and indices. Integers of fewer bits may be weights. */
const indexTypes: ReadonlySet<string> = new Set(['bool', 'int16', 'int32', 'int64', 'uint16', 'uint32', 'uint64'])

/** `to`: a Cast's attribute as text. It holds a type's code, or its name before version 6. */
function isIndexType(to: string): boolean {
  const [, code, name = ''] = /^(?:int (\d+)|string "(\w+)")$/.exec(to) ?? []
  return indexTypes.has(code ? dtypeName(Number(code)) : name.toLowerCase())
}

function isOfIndexType(value: Value | null | undefined): boolean {
  return (value?.kind === 'leaf' || value?.kind === 'input') && indexTypes.has(/^\w+/.exec(value.type)?.[0] ?? '')
}

function alike(kind: Kind, names: string): [string, Kind][] {
  return names.split(' ').map(name => [name, kind])
}

function first(kind: Kind, ...names: string[]): [string, Record<number, Kind>][] {
  return names.flatMap(some => some.split(' ')).map(name => [name, { 0: kind }])
}
