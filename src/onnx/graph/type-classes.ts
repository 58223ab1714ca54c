import type { AttributeProto, GraphProto, ModelProto, NodeProto } from '../onnx-proto.ts'
import { type GraphNames, type NamedTensors, namesOf, tensorsNamed } from './named-tensors.ts'
import { domainOf } from './network-scope.ts'
import { type OperatorTypes, operatorTypes, type SharedType } from './operator-types.ts'

/** Values of a model that must share one type, because operators, branches and bodies demand it. */
export type TypeClass = {
  /** Paths of the tensors among them. */
  tensors: string[]
  /** Paths of messages that state the type: tensor types of inputs, outputs and values, and attributes of Casts. */
  statements: string[]
  /** Limits on the type. `admits`: names of the allowed floating-point types. */
  limits: TypeLimit[]
}

export type TypeLimit = { node: string; admits: readonly string[]; message: string }

/** The classes of a model's values, by the path of each tensor. */
export type TypeClasses = ReadonlyMap<string, TypeClass>

type Members = TypeClass & { joined: Members | null }
/** `ofValue`: the class of each value. */
type Analysis = {
  versions: ReadonlyMap<string, number>
  functions: ReadonlySet<string>
  ofValue: Map<NamedTensors, Members>
}

/**
 * Finds the values of a model's graph that must share a type, without knowing the type. Functions and unknown operators
 * cannot be followed, so a limit that admits no type is put on their inputs and outputs.
 */
export function typeClasses(model: ModelProto): TypeClasses {
  const versions = new Map(
    model.opsetImport.map(each => [domainOf({ domain: each.domain ?? '' }), Number(each.version ?? 1)]),
  )
  const functions = new Set(
    model.functions.map(({ domain, name }) => JSON.stringify([domainOf({ domain: domain ?? '' }), name])),
  )
  const analysis: Analysis = { versions, functions, ofValue: new Map() }
  readGraph(analysis, model.graph ?? {}, 'graph', null)
  const classes = new Set([...analysis.ofValue.values()].map(rootOf))
  return new Map([...classes].flatMap(each => each.tensors.map(path => [path, each] as const)))
}

type Ends = { scope: GraphNames; inputs: (Members | null)[]; outputs: (Members | null)[] }

function readGraph(analysis: Analysis, graph: GraphProto, path: string, outer: GraphNames | null): Ends {
  const scope = namesOf(graph, path, outer)
  for (const value of scope.values.values()) membersOf(analysis, value)
  const named = (list: GraphProto['input'], place: string) =>
    (list ?? []).map(({ name, type }, index) => {
      const members = membersNamed(analysis, scope, name ?? '')
      if (type?.tensorType) members?.statements.push(`${path}.${place}[${index}].type.tensor_type`)
      else if (type && members) members.limits.push(untold(name ?? '', 'is no plain tensor'))
      return members
    })
  const ends = { scope, inputs: named(graph.input, 'input'), outputs: named(graph.output, 'output') }
  named(graph.valueInfo, 'value_info')
  graph.sparseInitializer?.forEach(({ values }) => {
    membersNamed(analysis, scope, values?.name ?? '')?.limits.push(untold(values?.name ?? '', 'is a sparse tensor'))
  })
  graph.node?.forEach((node, index) => {
    readNode(analysis, node, scope, `${path}.node[${index}]`, node.name || `${node.opType} #${index}`)
  })
  return ends
}

function readNode(analysis: Analysis, node: NodeProto, scope: GraphNames, path: string, label: string): void {
  const opType = node.opType ?? ''
  const domain = domainOf(node)
  const inputs = (node.input ?? []).map(name => membersNamed(analysis, scope, name))
  const outputs = (node.output ?? []).map(name => membersNamed(analysis, scope, name))
  const bodies = bodiesOf(node, path).map(({ graph, at }) => readGraph(analysis, graph, at, scope))
  const version = analysis.versions.get(domain) ?? 1
  const isFunction = analysis.functions.has(JSON.stringify([domain, opType]))
  if (domain === '' && !isFunction && joinBodies(opType, { inputs, outputs }, bodies)) return
  const types = isFunction || bodies.length > 0 ? null : operatorTypes(domain, opType, version)
  if (!types) {
    const message = `is ${opType}, whose types are not followed`
    const ends = bodies.flatMap(body => [...body.inputs, ...body.outputs])
    for (const value of [...inputs, ...outputs, ...ends])
      if (value) rootOf(value).limits.push({ node: label, admits: [], message })
    return
  }
  const typed = joinShared(types, inputs, outputs, `${opType} of version ${version}`, label)
  for (const [index, output] of outputs.entries()) {
    const shared = types.output(index)
    if (output && shared && !typed.has(shared)) stateOutput(node, output, path, label)
  }
}

/** Joins the inputs and outputs of one operator that share a type. Returns the shared types of inputs. */
function joinShared(
  types: OperatorTypes,
  inputs: readonly (Members | null)[],
  outputs: readonly (Members | null)[],
  operator: string,
  label: string,
): Set<SharedType> {
  const members = new Map<SharedType, Members>()
  const typed = new Set<SharedType>()
  const take = (value: Members | null, shared: SharedType | null) => {
    if (!value || !shared) return
    const before = members.get(shared)
    if (before) join(before, value)
    else {
      members.set(shared, value)
      const { admits } = shared
      const allowed = admits.length > 0 ? `takes ${admits.join(', ')} there` : 'takes none of these types there'
      rootOf(value).limits.push({ node: label, admits, message: `${operator} ${allowed}` })
    }
  }
  for (const [index, value] of inputs.entries()) {
    const shared = types.input(index)
    take(value, shared)
    if (value && shared) typed.add(shared)
  }
  for (const [index, value] of outputs.entries()) take(value, types.output(index))
  return typed
}

/** Records the message that states the type of an output, if no input has that type. */
function stateOutput({ opType, attribute }: NodeProto, output: Members, path: string, label: string): void {
  const { limits, statements, tensors } = rootOf(output)
  const indexOf = (name: string) => attribute?.findIndex(each => each.name === name) ?? -1
  const place = indexOf(opType === 'Cast' ? 'to' : 'value')
  if (place < 0 || !['Cast', 'Constant', 'ConstantOfShape'].includes(opType ?? '')) {
    limits.push({ node: label, admits: [], message: `is ${opType} that says its type in no way that can be changed` })
  } else if (opType === 'Cast') statements.push(`${path}.attribute[${place}]`)
  else tensors.push(`${path}.attribute[${place}].t`)
}

/** Joins the inputs and outputs of a node with those of its branches or bodies. Returns false for other nodes. */
function joinBodies(
  opType: string,
  { inputs, outputs }: Pick<Ends, 'inputs' | 'outputs'>,
  bodies: readonly Ends[],
): boolean {
  if (opType !== 'If' && opType !== 'Loop') return false
  // A Loop takes a count and a condition before its state, and its body returns a condition before the state.
  const condition = opType === 'Loop' ? 1 : 0
  for (const body of bodies) {
    for (const [index, output] of outputs.entries()) join(output, body.outputs[index + condition] ?? null)
    if (opType === 'If') continue
    for (const [index, input] of body.inputs.entries()) {
      if (index < 2) continue
      join(input, inputs[index] ?? null)
      join(input, body.outputs[index - 1] ?? null)
    }
  }
  return true
}

/** Joins the classes of two values into one. */
function join(a: Members | null, b: Members | null): void {
  if (!a || !b) return
  const [first, second] = [rootOf(a), rootOf(b)]
  if (first === second) return
  const size = ({ tensors, statements, limits }: TypeClass) => tensors.length + statements.length + limits.length
  const [into, from] = size(first) < size(second) ? [second, first] : [first, second]
  for (const each of from.tensors) into.tensors.push(each)
  for (const each of from.statements) into.statements.push(each)
  for (const each of from.limits) into.limits.push(each)
  from.joined = into
}

function bodiesOf(node: NodeProto, path: string): { graph: GraphProto; at: string }[] {
  return (node.attribute ?? []).flatMap(({ g, graphs }: AttributeProto, index) => [
    ...(g ? [{ graph: g, at: `${path}.attribute[${index}].g` }] : []),
    ...(graphs ?? []).map((graph, place) => ({ graph, at: `${path}.attribute[${index}].graphs[${place}]` })),
  ])
}

function untold(name: string, message: string): TypeLimit {
  return { node: name, admits: [], message: `${message}, whose type is not followed` }
}

function membersNamed(analysis: Analysis, scope: GraphNames, name: string): Members | null {
  const value = tensorsNamed(scope, name)
  return value ? membersOf(analysis, value) : null
}

function membersOf({ ofValue }: Analysis, value: NamedTensors): Members {
  const members = ofValue.get(value) ?? { tensors: [...value.tensors], statements: [], limits: [], joined: null }
  ofValue.set(value, members)
  return rootOf(members)
}

function rootOf(members: Members): Members {
  let root = members
  while (root.joined) root = root.joined
  // Path compression: long chains would be walked again for each of their values.
  for (let at = members; at.joined; ) {
    const next: Members = at.joined
    at.joined = root
    at = next
    if (at === root) break
  }
  return root
}
