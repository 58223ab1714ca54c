import { TureenError } from '../../errors.ts'
import type { AttributeProto, GraphProto, NodeProto } from '../onnx-proto.ts'
import { type Dimension, describeValue } from '../skeleton.ts'
import type { Leaves } from './leaves.ts'
import type { Operator, Value } from './network.ts'

/** A node at its place, the `index`th of its scope. A node of a function has one for each call. */
export type PlacedNode = {
  node: NodeProto
  index: number
  scope: NetworkScope
  operator: Operator | null
  /** The scope of the function that it calls. */
  body: NetworkScope | null
}

/**
 * The definition of a name: a value, an output of a node, or, for an input of a function, a name at the call.
 * `resolved`: the value that was found for it, so that each step through Identity and calls is taken once.
 */
export type Definition =
  | { kind: 'value'; value: Value }
  | { kind: 'output'; of: PlacedNode; index: number; resolved: Value | null | undefined }
  | { kind: 'argument'; scope: NetworkScope; name: string; resolved: Value | null | undefined }

/** An attribute, with the path of its message. */
export type PlacedAttribute = { attribute: AttributeProto; path: string }

/** The call of a function whose body a scope belongs to. */
export type Call = {
  key: string
  /** The function's path. */
  path: string
  attributes: ReadonlyMap<string, PlacedAttribute>
  outer: Call | null
}

export type NetworkScope = {
  /** The path of the graph or function that holds its nodes. */
  path: string
  definitions: Map<string, Definition>
  outer: NetworkScope | null
  /** The number of subgraphs around it, including those around calls. */
  depth: number
  opsets: ReadonlyMap<string, number>
  call: Call | null
  /** The names of the nodes around it, nearest first: calls of functions, and holders of subgraphs. */
  around: readonly string[]
  /** Dims that the graph declares for its own values, by name. */
  declared: ReadonlyMap<string, Dimension[]>
}

/** The declared dims of a function's scope: none. */
export const undeclared: NetworkScope['declared'] = new Map()

/** Returns the dims that a graph declares for its outputs and inner values, by name. */
export function declaredDims({ valueInfo, output }: GraphProto): NetworkScope['declared'] {
  return new Map(
    [...(valueInfo ?? []), ...(output ?? [])].flatMap((value): [string, Dimension[]][] => {
      const { name, dims } = describeValue(value)
      return dims ? [[name, dims]] : []
    }),
  )
}

/** The largest number of surrounding nodes that are kept. Real models nest a few deep, hostile ones thousands. */
const mostAround = 8

/**
 * Returns the names around a scope that a node opens: the node itself if it has a name, then the names around the node.
 */
export function aroundBody({ node, scope }: PlacedNode): readonly string[] {
  return node.name ? [node.name, ...scope.around].slice(0, mostAround) : scope.around
}

/** Opens a scope, and defines the outputs of its nodes. */
export function openScope(values: Omit<NetworkScope, 'definitions'>, nodes: readonly NodeProto[]): NetworkScope {
  const scope: NetworkScope = { definitions: new Map(), ...values }
  nodes.forEach((node, index) => {
    const of: PlacedNode = { node, index, scope, operator: null, body: null }
    node.output?.forEach((name, output) => {
      if (name !== '') defineOutput(scope, name, { kind: 'output', of, index: output, resolved: undefined })
    })
  })
  return scope
}

/** Returns the path of a node's message, such as `graph.node[7]`. */
export function pathOfNode({ scope, index }: PlacedNode): string {
  return `${scope.path}.node[${index}]`
}

/** Returns the name of a node; without one, its operator and position. */
export function nameOfNode({ node, index }: PlacedNode): string {
  return node.name || `${node.opType} #${index}`
}

/** If an exporter wrote several Constants under one name, the last one counts. */
function defineOutput(scope: NetworkScope, name: string, definition: Definition & { kind: 'output' }): void {
  const before = scope.definitions.get(name)
  if (before?.kind === 'output' && !(isConstant(before.of) && isConstant(definition.of)))
    throw malformedGraph(nameOfNode(definition.of), `defines ${shortened(name)}, as ${nameOfNode(before.of)} does`)
  scope.definitions.set(name, definition)
}

/**
 * Defines a value that is not a node's output. A Constant of the same name takes precedence, as in onnxruntime. Another
 * node of that name is an error.
 */
export function defineValue({ definitions }: NetworkScope, name: string, definition: Definition): void {
  const before = definitions.get(name)
  if (before?.kind !== 'output') definitions.set(name, definition)
  else if (!isConstant(before.of))
    throw malformedGraph(nameOfNode(before.of), `defines ${shortened(name)}, which is an input or initializer`)
}

/** Defines the initializers of a graph. Of several with one name the last one counts, as in onnxruntime. */
export function defineInitializers(scope: NetworkScope, graph: GraphProto, path: string, leaves: Leaves): void {
  const define = (name: string | null | undefined, value: Value | undefined) => {
    if (name && value) defineValue(scope, name, { kind: 'value', value })
  }
  graph.initializer?.forEach(({ name }, index) => {
    const isMain = path === 'graph'
    define(name, isMain ? leaves.initializer(index) : leaves.dense(`${path}.initializer[${index}]`, null))
  })
  graph.sparseInitializer?.forEach(({ values, dims }, index) => {
    define(values?.name, leaves.sparse(`${path}.sparse_initializer[${index}]`, null, dims ?? []))
  })
}

/** Returns the imported versions of operator sets, by domain. */
export function opsetsOf(
  imports: readonly { domain?: string | null; version?: unknown }[],
): ReadonlyMap<string, number> {
  return new Map(imports.map(({ domain, version }) => [domainOf({ domain: domain ?? '' }), Number(version ?? 1)]))
}

/** Returns the definition of a name in a scope or in those around it. */
export function lookUp(scope: NetworkScope, name: string): Definition | undefined {
  for (let at: NetworkScope | null = scope; at; at = at.outer) {
    const definition = at.definitions.get(name)
    if (definition) return definition
  }
  return undefined
}

/** True if a node is a Constant of ONNX. */
export function isConstant({ node }: PlacedNode): boolean {
  return node.opType === 'Constant' && domainOf(node) === ''
}

/** Returns the domain of a node; '' for both spellings of ONNX's own. */
export function domainOf({ domain }: { domain?: string | null }): string {
  return domain === 'ai.onnx' ? '' : (domain ?? '')
}

/** Returns the error for a node of a graph whose nodes have no order, or in which two values have one name. */
export function malformedGraph(name: string, message: string): TureenError {
  return new TureenError('TUREEN_MODEL_MALFORMED', `The node ${shortened(name)} ${message}.`, [{ node: name, message }])
}

function shortened(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}...` : name
}
