import { TureenError } from '../../errors.ts'
import type { AttributeProto, GraphProto, NodeProto } from '../onnx-proto.ts'
import { type Dimension, describeValue } from '../skeleton.ts'
import type { Leaves } from './leaves.ts'
import type { Operator, Value } from './network.ts'

/** A node where it stands: of a function's node there is one for each call. */
export type PlacedNode = {
  node: NodeProto
  path: string
  name: string
  scope: NetworkScope
  operator: Operator | null
  /** The scope of the function that it calls. */
  body: NetworkScope | null
}

/** What a name stands for: a value, an output of a node, or, for a function's inputs, a name where the function is called. */
export type Definition =
  | { kind: 'value'; value: Value }
  | { kind: 'output'; of: PlacedNode; index: number }
  | { kind: 'argument'; scope: NetworkScope; name: string }

/** An attribute, and the path of the message that says it. */
export type PlacedAttribute = { attribute: AttributeProto; path: string }

/** The call of a function whose body a scope is part of. */
export type Call = {
  key: string
  /** The function's path. */
  path: string
  attributes: ReadonlyMap<string, PlacedAttribute>
  outer: Call | null
}

export type NetworkScope = {
  definitions: Map<string, Definition>
  outer: NetworkScope | null
  /** How many subgraphs it is in, those around calls included. */
  depth: number
  opsets: ReadonlyMap<string, number>
  call: Call | null
  /** The names of the nodes that it is in, nearest first: calls of functions, and holders of subgraphs. */
  around: readonly string[]
  /** Dims that the graph declares of values of its own, by name. */
  declared: ReadonlyMap<string, Dimension[]>
}

/** A scope that declares no dims: a function's. */
export const undeclared: NetworkScope['declared'] = new Map()

/** The dims that a graph declares of its outputs and of values in between, by name. */
export function declaredDims({ valueInfo, output }: GraphProto): NetworkScope['declared'] {
  return new Map(
    [...(valueInfo ?? []), ...(output ?? [])].flatMap((value): [string, Dimension[]][] => {
      const { name, dims } = describeValue(value)
      return dims ? [[name, dims]] : []
    }),
  )
}

/** Nodes around a scope that are remembered: real models nest a few deep, hostile ones thousands. */
const mostAround = 8

/** What is around a scope that a node opens: the node itself if it has a name, then what is around the node. */
export function aroundBody({ node, scope }: PlacedNode): readonly string[] {
  return node.name ? [node.name, ...scope.around].slice(0, mostAround) : scope.around
}

export function openScope(
  values: Omit<NetworkScope, 'definitions'>,
  nodes: readonly NodeProto[],
  path: string,
): NetworkScope {
  const scope: NetworkScope = { definitions: new Map(), ...values }
  nodes.forEach((node, index) => {
    const of: PlacedNode = {
      node,
      path: `${path}.node[${index}]`,
      name: node.name || `${node.opType} #${index}`,
      scope,
      operator: null,
      body: null,
    }
    node.output?.forEach((name, output) => {
      if (name !== '') defineOutput(scope, name, { kind: 'output', of, index: output })
    })
  })
  return scope
}

/** Constants that an exporter wrote again under one name are the one that was written last. */
function defineOutput(scope: NetworkScope, name: string, definition: Definition & { kind: 'output' }): void {
  const before = scope.definitions.get(name)
  if (before?.kind === 'output' && !(isConstant(before.of) && isConstant(definition.of)))
    throw malformedGraph(definition.of, `puts out ${shortened(name)}, as ${before.of.name} does`)
  scope.definitions.set(name, definition)
}

/**
 * Defines what is no output of a node. Of a Constant by that name onnxruntime takes the Constant, and so does this; no other node may put
 * it out.
 */
export function defineValue({ definitions }: NetworkScope, name: string, definition: Definition): void {
  const before = definitions.get(name)
  if (before?.kind !== 'output') definitions.set(name, definition)
  else if (!isConstant(before.of))
    throw malformedGraph(before.of, `puts out ${shortened(name)}, which is an input or initializer`)
}

/** Defines the initializers of a graph; of several of one name onnxruntime takes the last, and so does this. */
export function defineInitializers(scope: NetworkScope, graph: GraphProto, path: string, leaves: Leaves): void {
  const define = (name: string | null | undefined, value: Value | undefined) => {
    if (name && value) defineValue(scope, name, { kind: 'value', value })
  }
  graph.initializer?.forEach(({ name }, index) => {
    define(name, leaves.dense(`${path}.initializer[${index}]`, null))
  })
  graph.sparseInitializer?.forEach(({ values, dims }, index) => {
    define(values?.name, leaves.sparse(`${path}.sparse_initializer[${index}]`, null, dims ?? []))
  })
}

/** The versions of operator sets that are imported, by domain. */
export function opsetsOf(
  imports: readonly { domain?: string | null; version?: unknown }[],
): ReadonlyMap<string, number> {
  return new Map(imports.map(({ domain, version }) => [domainOf({ domain: domain ?? '' }), Number(version ?? 1)]))
}

/** What a name stands for in a scope or in those around it. */
export function lookUp(scope: NetworkScope, name: string): Definition | undefined {
  for (let at: NetworkScope | null = scope; at; at = at.outer) {
    const definition = at.definitions.get(name)
    if (definition) return definition
  }
  return undefined
}

export function isConstant({ node }: PlacedNode): boolean {
  return node.opType === 'Constant' && domainOf(node) === ''
}

/** The domain of a node, with one spelling for that of ONNX itself. */
export function domainOf({ domain }: { domain?: string | null }): string {
  return domain === 'ai.onnx' ? '' : (domain ?? '')
}

/** What is thrown for a graph whose nodes cannot be put in an order, or do not say which of two values a name is. */
export function malformedGraph({ name }: { name: string }, message: string): TureenError {
  return new TureenError('TUREEN_MODEL_MALFORMED', `The node ${shortened(name)} ${message}.`, [{ node: name, message }])
}

function shortened(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}...` : name
}
