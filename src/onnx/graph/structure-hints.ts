import { operatorName } from './differences.ts'
import { introducedIn } from './introduced-operators.ts'
import type { Network, Operator, Value } from './network.ts'

/** Counts of the operators of a network, and what else the hints need. */
type Profile = {
  network: Network
  /** The imported version of ai.onnx, taken from the operators; 0 without operators of ai.onnx. */
  opset: number
  /** Operators that compute with elements of the inputs, counted by name. */
  ofData: ReadonlyMap<string, number>
  /** Operators that compute only with constants or with the dims of inputs, counted by name. */
  ofShapes: ReadonlyMap<string, number>
}

const quantised = /^(De|Dynamic)?Quantize|^QLinear|^QGemm|^QAttention|Integer(ToFloat)?$|^MatMulNBits$|^Q?Ordered/
const halves: ReadonlySet<string> = new Set(['float16', 'bfloat16'])

/** ONNX's element type codes of float16 and bfloat16, as in a Cast. */
const castsToHalves: ReadonlySet<string> = new Set(['int 10', 'int 16'])

/**
 * Explains why two networks consist of different operators, and says what to do; empty if no hint applies. A hint is
 * given only if the operators of both files confirm it.
 */
export function structureHint(base: Network, other: Network): string {
  const [ours, theirs] = [profileOf(base), profileOf(other)]
  const hints = [
    quantisedHint,
    newerOperatorHint,
    optimisedHint,
    foldedNormHint,
    precisionHint,
    foldedHint,
    fusedHint,
    decomposedHint,
    opsetHint,
  ]
  for (const hint of hints) {
    const said = hint(ours, theirs)
    if (said) return said
  }
  return ''
}

type Hint = (ours: Profile, theirs: Profile) => string

const quantisedHint: Hint = (ours, theirs) => {
  const has = ({ network }: Profile) => network.operators.some(({ opType }) => quantised.test(opType))
  return has(ours) === has(theirs) ? '' : 'one of the two is quantised: merge the float models, then quantise the soup'
}

/** One file has an operator that the other file's operator set does not have yet. */
const newerOperatorHint: Hint = (ours, theirs) => {
  if (!importDifferentOpsets(ours, theirs)) return ''
  const [older, newer] = ours.opset < theirs.opset ? [ours, theirs] : [theirs, ours]
  const found = newer.network.operators.find(
    operator => introducedIn(operator) > older.opset && introducedIn(operator) <= newer.opset,
  )
  if (!found) return ''
  return `${found.opType} is an operator of ONNX since opset ${introducedIn(found)}, and ${opsets(ours, theirs)}: export both with one opset`
}

const optimisedHint: Hint = (ours, theirs) => {
  const find = ({ network }: Profile) => network.operators.find(({ domain }) => domain === 'com.microsoft')
  const [a, b] = [find(ours), find(theirs)]
  const found = a ?? b
  if (!found || (a && b)) return ''
  return `one of the two has operators of com.microsoft (${found.opType}), as onnxruntime's optimiser makes them: take both as they were exported`
}

const foldedNormHint: Hint = (ours, theirs) => {
  const differing = difference(ours.ofData, theirs.ofData)
  const isOnly = differing.size === 1 && differing.has('BatchNormalization')
  const count = ({ ofData }: Profile) => ofData.get('BatchNormalization') ?? 0
  if (!isOnly || Math.min(count(ours), count(theirs)) > 0) return ''
  return 'one of the two was exported with its batch normalisation folded into the weights: export both the same way'
}

/** Casts alone prove nothing: shapes are cast, and constant folding removes such casts. */
const precisionHint: Hint = (ours, theirs) => {
  const [a, b] = [floatTypes(ours.network), floatTypes(theirs.network)]
  if (wereConverted(a, b))
    return `one of the two was converted to another precision (weights of ${[...b].join(', ')}, in the base of ${[...a].join(', ')}): convert both, or neither`
  const casts = ({ network }: Profile) =>
    network.operators.filter(
      ({ opType, attributes }) => opType === 'Cast' && castsToHalves.has(attributes.get('to') ?? ''),
    ).length
  if (casts(ours) > 0 === casts(theirs) > 0) return ''
  return 'one of the two computes in half precision inside (it casts to float16 or bfloat16): convert both, or neither'
}

/** Operators that simplifiers remove if dims or type do not change. */
const oftenNeutral: ReadonlySet<string> = new Set(['Cast', 'Dropout', 'Expand', 'Identity', 'Reshape'])

/**
 * Both files have all operators that compute with elements. The other differences are operators that compute shapes or
 * constants, or operators that may have been removed with them.
 */
const foldedHint: Hint = (ours, theirs) => {
  const shapes = difference(ours.ofShapes, theirs.ofShapes)
  const data = difference(ours.ofData, theirs.ofData)
  // Exporters also write shapes differently in another operator set.
  if (importDifferentOpsets(ours, theirs) || shapes.size === 0) return ''
  const isMore = [...shapes.values()].reduce((sum, count) => sum + count, 0) > 0
  if ([...data].some(([name, count]) => !oftenNeutral.has(name) || count > 0 !== isMore)) return ''
  const list = [...shapes, ...data]
    .map(([name, count]) => `${Math.abs(count)} ${name}`)
    .slice(0, 4)
    .join(', ')
  const only = data.size > 0 ? `, and in ${[...data.keys()].join(', ')}` : ''
  const side = isMore ? 'this model' : 'the base'
  return `the two differ only in operators that compute shapes or constants${only} (${side} has more: ${list}): one was constant-folded or simplified (do_constant_folding, onnx-simplifier), or exported with fixed dims: export both the same way`
}

/** A Gemm is a MatMul and an Add. */
const fusedHint: Hint = (ours, theirs) => {
  const differing = difference(ours.ofData, theirs.ofData)
  const gemms = differing.get('Gemm') ?? 0
  const isFused =
    gemms !== 0 && differing.size === 3 && differing.get('MatMul') === -gemms && differing.get('Add') === -gemms
  if (!isFused) return ''
  const layers = Math.abs(gemms) === 1 ? 'a linear layer' : `${Math.abs(gemms)} linear layers`
  return `one of the two has ${layers} as Gemm where the other has MatMul and Add: one was optimised or exported otherwise, so export both the same way`
}

/** Operators that older opsets and some exporters write as several, and some of their parts. */
const decompositions: readonly [operator: string, parts: readonly string[]][] = [
  ['LayerNormalization', ['ReduceMean', 'Sqrt', 'Div']],
  ['RMSNormalization', ['ReduceMean', 'Sqrt', 'Mul']],
  ['GroupNormalization', ['InstanceNormalization', 'Reshape']],
  ['Gelu', ['Erf', 'Mul']],
  ['Gelu', ['Tanh', 'Mul']],
  ['HardSwish', ['HardSigmoid', 'Mul']],
  ['Mish', ['Softplus', 'Tanh', 'Mul']],
  ['Swish', ['Sigmoid', 'Mul']],
]

/** One file has an operator where the other has all of its parts, equally often. */
const decomposedHint: Hint = (ours, theirs) => {
  const differing = difference(ours.ofData, theirs.ofData)
  for (const [operator, parts] of decompositions) {
    const more = differing.get(operator) ?? 0
    if (more === 0 || Math.min(ours.ofData.get(operator) ?? 0, theirs.ofData.get(operator) ?? 0) > 0) continue
    if (!parts.every(part => -Math.sign(more) * (differing.get(part) ?? 0) >= Math.abs(more))) continue
    const [one, several] = more > 0 ? ['this model', 'the base'] : ['the base', 'this model']
    return `${one} has ${operator} as one operator and ${several} as several (${parts.join(', ')}, ...): they were exported with different opsets or exporters, so export both the same way`
  }
  return ''
}

const opsetHint: Hint = (ours, theirs) =>
  importDifferentOpsets(ours, theirs)
    ? `${opsets(ours, theirs)}, in which exporters write some layers with other operators: export both with one opset`
    : ''

function importDifferentOpsets(ours: Profile, theirs: Profile): boolean {
  return ours.opset !== theirs.opset && ours.opset > 0 && theirs.opset > 0
}

function opsets(ours: Profile, theirs: Profile): string {
  return `the model imports opset ${theirs.opset} and the base opset ${ours.opset}`
}

function profileOf(network: Network): Profile {
  const [ofData, ofShapes] = [new Map<string, number>(), new Map<string, number>()]
  const withoutData = new Set<Operator>()
  let opset = 0
  for (const operator of network.operators) {
    if (operator.domain === '') opset = Math.max(opset, operator.version)
    const isShape = computesShapes(operator, withoutData)
    if (isShape) withoutData.add(operator)
    const counts = isShape ? ofShapes : ofData
    const name = operatorName(operator)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return { network, opset, ofData, ofShapes }
}

const dimsOnly: ReadonlySet<string> = new Set(['Shape', 'Size'])

/** True if an operator computes from constants or dims only, without elements of any input of the model. */
function computesShapes(
  { domain, opType, operands, subgraphs }: Operator,
  withoutData: ReadonlySet<Operator>,
): boolean {
  if (domain !== '' || subgraphs.length > 0 || opType.startsWith('Random')) return false
  const isConstant = (value: Value | null) =>
    value === null || value.kind === 'leaf' || (value.kind === 'result' && withoutData.has(value.operator))
  return dimsOnly.has(opType) || operands.every(({ value }) => isConstant(value))
}

/** Returns by name how many more operators the second network has; equal counts are left out. */
function difference(ours: ReadonlyMap<string, number>, theirs: ReadonlyMap<string, number>): Map<string, number> {
  const names = [...new Set([...ours.keys(), ...theirs.keys()])]
  const counts = names.map(name => [name, (theirs.get(name) ?? 0) - (ours.get(name) ?? 0)] as const)
  return new Map(counts.filter(([, count]) => count !== 0).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a)))
}

/** Returns the floating-point types of the weights of a network. */
function floatTypes({ leaves }: Network): ReadonlySet<string> {
  const types = leaves.filter(({ isWeight }) => isWeight).map(({ type }) => type.split('[')[0] ?? '')
  return new Set(types.sort())
}

/** True if these are types of weights before and after a conversion: some became halves, or all became another type. */
function wereConverted(ours: ReadonlySet<string>, theirs: ReadonlySet<string>): boolean {
  if (ours.size === 0 || theirs.size === 0) return false
  return ours.isDisjointFrom(theirs) || [...ours.symmetricDifference(theirs)].some(type => halves.has(type))
}
