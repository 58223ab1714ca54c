import type { GraphProto } from '../onnx-proto.ts'
import { attributeText } from './attribute-text.ts'
import type { Operand, Operator, Subgraph, Value } from './network.ts'
import {
  aroundBody,
  declaredDims,
  defineInitializers,
  defineValue,
  nameOfNode,
  openScope,
  type PlacedAttribute,
  type PlacedNode,
  pathOfNode,
} from './network-scope.ts'
import { noAttributes, operatorMeaning } from './operator-meaning.ts'
import { readInputs } from './read-inputs.ts'
import { placedAttribute, type Resolver, resolve } from './resolve.ts'

/** Reads an operator's meaning, operands and subgraphs. */
export function readOperator(resolver: Resolver, placed: PlacedNode, operator: Operator): void {
  const { node, scope } = placed
  const names = node.input ?? []
  const count = names.findLastIndex(name => name !== '') + 1
  // An array of exactly this length: one that grows takes room for 17 operands.
  const inputs = names
    .slice(0, count)
    .map((name, index): Operand => ({ port: String(index), value: resolve(resolver, scope, name) }))
  // Most nodes have no attributes, and a model may have some hundred thousand nodes.
  const isPlain = (node.attribute?.length ?? 0) === 0 && resolver.opaque.isEmpty
  const attributes = isPlain ? noAttributes : readAttributes(resolver, placed, operator)
  const second = inputs[1]?.value
  const weight = second?.kind === 'leaf' ? second.tensor?.dims : undefined
  const { domain, opType, version, outputs } = operator
  const meaning = operatorMeaning({ domain, opType, version, attributes, outputs, weight })
  operator.epoch = meaning.epoch
  operator.attributes = meaning.attributes
  const ofAttributes = operator.operands
  operator.operands = readInputs(operator, version, inputs)
  if (isPlain) return
  ofAttributes.sort((a, b) => (a.port < b.port ? -1 : 1))
  for (const operand of ofAttributes) operator.operands.push(operand)
  operator.subgraphs.sort((a, b) => (a.attribute < b.attribute ? -1 : 1))
}

/** Returns the attributes of a node as text, by name. Adds those that are tensors or graphs to the operator. */
function readAttributes(resolver: Resolver, placed: PlacedNode, operator: Operator): Map<string, string> {
  const { node, scope } = placed
  const path = pathOfNode(placed)
  const attributes = new Map<string, string>()
  for (const [field, sha256] of resolver.opaque.of(path)) {
    if (field !== 'overload') attributes.set(field, sha256)
  }
  // Calls of model-local functions are expanded; here the overload selects an operator that the model does not define.
  const overload = resolver.opaque.textOf(path, 'overload')
  if (overload) attributes.set('overload', `string ${JSON.stringify(overload)}`)
  for (const [field, sha256] of scope.call ? resolver.opaque.unknownOf(scope.call.path) : [])
    attributes.set(`function.${field}`, sha256)
  node.attribute?.forEach((attribute, index) => {
    const name = attribute.name ?? ''
    const given = placedAttribute({ attribute, path: `${path}.attribute[${index}]` }, scope.call)
    if (given) readAttribute(resolver, placed, operator, given, attributes)
    else if (attribute.refAttrName) {
      const defaults = scope.call
        ? resolver.opaque.of(scope.call.path).find(([field]) => field === 'attribute_proto')
        : undefined
      if (defaults) attributes.set(name, `the default of ${attribute.refAttrName} in ${defaults[1]}`)
    }
  })
  return attributes
}

function readAttribute(
  resolver: Resolver,
  placed: PlacedNode,
  operator: Operator,
  { attribute, path }: PlacedAttribute,
  attributes: Map<string, string>,
): void {
  const node = nameOfNode(placed)
  const name = attribute.name ?? ''
  const rest = resolver.opaque.digestOf(path)
  const floats = resolver.leaves.dense(`${path}.f`, node) ?? resolver.leaves.dense(`${path}.floats`, node)
  const text = floats ? undefined : attributeText(attribute)
  if (text !== undefined || rest) attributes.set(name, [text, rest].filter(Boolean).join(' '))
  if (floats) operator.operands.push({ port: `.${name}`, value: floats })
  for (const operand of tensorOperands(resolver, attribute, path, node)) operator.operands.push(operand)
  const open = (graph: GraphProto, at: string, called: string) => {
    for (const [field, sha256] of resolver.opaque.unknownOf(at)) attributes.set(`${called}.${field}`, sha256)
    operator.subgraphs.push(openSubgraph(resolver, placed, graph, at, operator, called))
  }
  if (attribute.g) open(attribute.g, `${path}.g`, name)
  attribute.graphs?.forEach((graph, index) => {
    open(graph, `${path}.graphs[${index}]`, `${name}[${index}]`)
  })
}

/** Returns the tensors of an attribute, each with its own port. */
function tensorOperands(
  { leaves }: Resolver,
  { name, t, tensors, sparseTensor, sparseTensors }: PlacedAttribute['attribute'],
  path: string,
  node: string,
): Operand[] {
  const found = [
    ...(t ? [leaves.dense(`${path}.t`, node)] : []),
    ...(tensors ?? []).map((_, index) => leaves.dense(`${path}.tensors[${index}]`, node)),
    ...(sparseTensor ? [leaves.sparse(`${path}.sparse_tensor`, node, sparseTensor.dims ?? [])] : []),
    ...(sparseTensors ?? []).map(({ dims }, index) =>
      leaves.sparse(`${path}.sparse_tensors[${index}]`, node, dims ?? []),
    ),
  ]
  return found.flatMap((leaf, index) => (leaf ? [{ port: `.${name}[${index}]`, value: leaf }] : []))
}

function openSubgraph(
  resolver: Resolver,
  holder: PlacedNode,
  graph: GraphProto,
  path: string,
  operator: Operator,
  attribute: string,
): Subgraph {
  const { scope: outer } = holder
  const { depth, opsets, call } = outer
  const around = aroundBody(holder)
  const values = { path, outer, depth: depth + 1, opsets, call, around, declared: declaredDims(graph) }
  const scope = openScope(values, graph.node ?? [])
  defineInitializers(scope, graph, path, resolver.leaves)
  graph.input?.forEach(({ name }, index) => {
    if (!name) return
    const value: Value = { kind: 'formal', name, operator, attribute, index, depth: depth + 1 }
    defineValue(scope, name, { kind: 'value', value })
  })
  return {
    attribute,
    formals: graph.input?.length ?? 0,
    outputs: (graph.output ?? []).map(({ name }) => resolve(resolver, scope, name ?? '')),
  }
}
