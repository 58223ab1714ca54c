import type { GraphProto, NodeProto } from './onnx-proto.ts'

/**
 * What makes a tensor a parameter: the input or attribute of a node that takes it, or in words a place of the model itself.
 * `isOutput`: the model puts it out as it stands. `reason`: why two of them cannot be averaged, where that needs saying.
 */
export type ParameterUse = { node?: string; slot: string; isOutput?: boolean; reason?: string | undefined }

/** A value of a model: the tensors that it is, by their paths, and the values that elements of it may come from. */
export type Value = {
  tensors: string[]
  from: Value[]
  /** Whether it is the first of `from` as it stands: the output of a Constant or an Identity. */
  isCopy: boolean
  use: ParameterUse | null
}

/** The names of one graph or function, within those around it. `attributes`: what calls give for a function's attributes, by name. */
export type Scope = { values: Map<string, Value>; outer: Scope | null; attributes: Map<string, Value> | null }

export function newValue(tensors: string[] = []): Value {
  return { tensors, from: [], isCopy: false, use: null }
}

/** The value that a name stands for; undefined for an input or output that is left out, or a name that nothing defines. */
export function valueNamed(scope: Scope, name: string): Value | undefined {
  if (name === '') return undefined
  for (let at: Scope | null = scope; at; at = at.outer) {
    const value = at.values.get(name)
    if (value) return value
  }
  return undefined
}

/** The value that a function's attribute stands for in its body. */
export function attributeNamed(attributes: Map<string, Value>, name: string): Value {
  const value = attributes.get(name) ?? newValue()
  attributes.set(name, value)
  return value
}

/** The scope of a graph, all its names defined: those of nodes that stand further down as well. */
export function graphScope(graph: GraphProto, path: string, outer: Scope | null): Scope {
  const scope: Scope = { values: new Map(), outer, attributes: outer?.attributes ?? null }
  for (const input of graph.input ?? []) define(scope, input.name ?? '')
  graph.initializer?.forEach((tensor, index) => {
    define(scope, tensor.name ?? '')?.tensors.push(`${path}.initializer[${index}]`)
  })
  graph.sparseInitializer?.forEach((sparse, index) => {
    define(scope, sparse.values?.name ?? '')?.tensors.push(`${path}.sparse_initializer[${index}].values`)
  })
  defineOutputs(scope, graph.node ?? [])
  return scope
}

/** The scope of a model-local function, which sees no names but its own. */
export function functionScope(
  inputs: readonly string[],
  nodes: readonly NodeProto[],
  attributes: Map<string, Value>,
): Scope {
  const scope: Scope = { values: new Map(), outer: null, attributes }
  for (const name of inputs) define(scope, name)
  defineOutputs(scope, nodes)
  return scope
}

function defineOutputs(scope: Scope, nodes: readonly NodeProto[]): void {
  for (const node of nodes) for (const name of node.output ?? []) define(scope, name)
}

/** An initializer may be an input as well: the two are one value. */
function define({ values }: Scope, name: string): Value | undefined {
  if (name === '') return undefined
  const value = values.get(name) ?? newValue()
  values.set(name, value)
  return value
}

/** Makes everything that a value may come from a parameter; what is one already keeps its first use. */
export function markParameter(value: Value, use: ParameterUse): void {
  const open = [value]
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.use) continue
    next.use = use
    for (const value of next.from) open.push(value)
  }
}

/** The value that another is a copy of, or itself. `known`: what has been found so far, so that chains are followed once. */
export function original(value: Value, known: Map<Value, Value>): Value {
  const passed = new Set<Value>()
  let at = value
  while (at.isCopy && !passed.has(at)) {
    passed.add(at)
    at = known.get(at) ?? at.from[0] ?? at
  }
  for (const copy of passed) known.set(copy, at)
  return at
}
