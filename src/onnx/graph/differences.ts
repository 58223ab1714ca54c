import { whyNeverAveraged } from '../classic-models.ts'
import { isKnownOpset, newestOpset } from './known-opsets.ts'
import type { Leaf, Operand, Operator, Subgraph, Value } from './network.ts'

/**
 * A difference between a network and the base's, with its place, in words. After a hard difference nothing can be
 * compared, because the two networks compute different things from there on.
 */
export type Difference = {
  kind: 'operator' | 'attribute' | 'opset' | 'tensor' | 'wiring' | 'outputs' | 'other'
  isHard: boolean
  node?: string
  tensor?: string
  /** For opsets: the base's, and this model's. */
  expected?: string
  actual?: string
  message: string
}

const longest = 120

const transposes: ReadonlySet<string> = new Set(['transA', 'transB'])
const transposedHint = 'one of the two holds its weights transposed; export both the same way'

/** Returns advice on an attribute that differs, to follow the two values; empty if the values explain themselves. */
function attributeHint({ domain, opType }: Operator, attribute: string): string {
  const reason = transposes.has(attribute) ? transposedHint : whyNeverAveraged(domain, opType, attribute)
  return reason ? `: ${reason}` : ''
}

/** Returns the differences between two operators in the same place, apart from the values that they read. */
export function compareOperators(ours: Operator, theirs: Operator): Difference[] {
  const at = { node: theirs.name }
  const hard = (message: string, kind: Difference['kind'] = 'wiring'): Difference[] => [
    { kind, isHard: true, ...at, message },
  ]
  if (ours.opType !== theirs.opType || ours.domain !== theirs.domain) {
    const [here, there] = [operatorName(theirs), operatorName(ours)]
    return hard(`is the operator ${here}, in the base ${there} (${shown(ours.name)})`, 'operator')
  }
  if (!haveSamePorts(ours, theirs))
    return hard(
      `${operatorName(theirs)} has ${inputsOf(theirs)}, in the base ${inputsOf(ours)} (${shown(ours.name)})${becameInputs(ours, theirs)}`,
    )
  if (ours.outputs !== theirs.outputs)
    return hard(
      `${operatorName(theirs)} has ${theirs.outputs} outputs, in the base ${ours.outputs} (${shown(ours.name)})`,
    )
  if (ours.subgraphs.length + theirs.subgraphs.length > 0 && graphsOf(ours) !== graphsOf(theirs))
    return hard(
      `${operatorName(theirs)} holds ${shown(graphsOf(theirs) || 'no graphs')}, in the base ${shown(graphsOf(ours) || 'no graphs')} (${shown(ours.name)})`,
    )
  const differences: Difference[] = []
  if (ours.epoch !== theirs.epoch) {
    const [expected, actual] = [`opset ${ours.version}`, `opset ${theirs.version}`]
    differences.push({ kind: 'opset', isHard: false, ...at, expected, actual, message: whyOpsetsDiffer(ours, theirs) })
  }
  if (ours.attributes.size + theirs.attributes.size === 0) return differences
  for (const name of [...new Set([...ours.attributes.keys(), ...theirs.attributes.keys()])].sort()) {
    const [a, b] = [ours.attributes.get(name), theirs.attributes.get(name)]
    // Operators of two epochs also have different defaults.
    if (a === b || (ours.epoch !== theirs.epoch && (a === undefined || b === undefined))) continue
    const message = `attribute ${shown(name)}: is ${shown(b)}, in the base ${shown(a)}${attributeHint(ours, name)}`
    differences.push({ kind: 'attribute', isHard: false, ...at, message })
  }
  return differences
}

/** Returns the reason why two operators of one name mean, or may mean, different things. */
function whyOpsetsDiffer(ours: Operator, theirs: Operator): string {
  const { domain } = ours
  const name = operatorName(theirs)
  if (isKnownOpset(domain, Math.max(ours.version, theirs.version)))
    return `opset: ${name} means what it does since version ${theirs.epoch}, in the base since ${ours.epoch}: export both with one opset`
  const newest = newestOpset(domain)
  const known =
    newest === 0
      ? `does not know the operators of ${shown(domain)}`
      : `knows ${shown(domain || 'ai.onnx')} up to opset ${newest}`
  return `opset: ${name} is of opset ${theirs.version}, in the base of opset ${ours.version}. Tureen ${known}, and cannot tell whether the two mean the same: export both with one opset`
}

/**
 * Returns the difference if two tensors in the same place have different types. `at`: the operator of the base that
 * reads them.
 */
export function compareLeaves(ours: Leaf, theirs: Leaf, at: Operator | null): Difference | undefined {
  if (ours.type === theirs.type) return undefined
  return {
    kind: 'tensor',
    isHard: false,
    ...(theirs.node === null ? {} : { node: theirs.node }),
    tensor: theirs.name,
    message: `is ${shown(theirs.type)}, in the base ${shown(ours.type)}${ours.name === theirs.name ? '' : ` (${shown(ours.name)})`}${at ? `, read by ${shown(at.opType)} ${shown(at.name)}` : ''}`,
  }
}

/** Describes a value in words. */
export function describe(value: Value | null): string {
  if (value === null) return 'left out'
  switch (value.kind) {
    case 'input':
      return `the input ${shown(value.name)} (${value.type})`
    case 'formal':
      return `input ${value.index} of the subgraph ${shown(value.attribute)}`
    case 'leaf':
      return `the tensor ${shown(value.name)} (${shown(value.type)})`
    case 'free':
      return `${shown(value.name)}, which nothing defines`
    default:
      return `output ${value.index} of ${shown(value.operator.opType)} ${shown(value.operator.name)}`
  }
}

/** Returns the name of an operator for messages, with its domain unless that is ai.onnx. */
export function operatorName({ domain, opType }: Operator): string {
  return shown(domain === '' ? opType : `${domain}.${opType}`)
}

/** True if two operators have the same inputs, those left out included. */
function haveSamePorts({ operands: ours }: Operator, { operands: theirs }: Operator): boolean {
  const portAt = (operand: Operand | undefined) => (operand?.value ? operand.port : null)
  return ours.length === theirs.length && ours.every((operand, index) => portAt(operand) === portAt(theirs[index]))
}

function portsOf({ operands }: Operator): string {
  return operands.map(({ port, value }) => (value === null ? '-' : port)).join(', ')
}

/**
 * Versions of ai.onnx in which the inputs of operators changed: attributes became inputs, or inputs were inserted
 * before others. Source: ONNX's Changelog.md (https://github.com/onnx/onnx/blob/main/docs/Changelog.md).
 */
const inputsChanged: Readonly<Record<number, string>> = {
  5: 'Reshape',
  6: 'Tile',
  9: 'Upsample',
  10: 'Slice TopK',
  11: 'Clip Pad Resize',
  12: 'Dropout',
  13: 'ReduceSum Split Squeeze Unsqueeze',
  18: 'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare',
  20: 'DFT',
}

const changeOf: ReadonlyMap<string, number> = new Map(
  Object.entries(inputsChanged).flatMap(([version, names]) => names.split(' ').map(name => [name, Number(version)])),
)

/**
 * Explains why an operator has other inputs, if one model imports an opset from before the change and one from after;
 * otherwise returns an empty text.
 */
function becameInputs(ours: Operator, theirs: Operator): string {
  const { domain, opType } = ours
  const version = domain === '' ? changeOf.get(opType) : undefined
  if (version === undefined || ours.version < version === theirs.version < version) return ''
  return `; the inputs of ${opType} changed in opset ${version}, and the model imports opset ${theirs.version} and the base opset ${ours.version}: export both with one opset`
}

/** Names the inputs of an operator, with their number. */
function inputsOf(operator: Operator): string {
  const count = operator.operands.filter(({ value }) => value !== null).length
  return `${count} ${count === 1 ? 'input' : 'inputs'} (${shown(portsOf(operator))})`
}

function graphsOf({ subgraphs }: Operator): string {
  const graph = ({ attribute, formals, outputs }: Subgraph) =>
    `${attribute} with ${formals} inputs and ${outputs.length} outputs`
  return subgraphs.map(graph).join(', ')
}

/** Returns a text of the model for a message, cut after 120 characters. */
export function shown(text: string | undefined): string {
  if (text === undefined) return 'not given or its default'
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text
}
