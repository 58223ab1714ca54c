import { whyNeverAveraged } from './classic-models.ts'
import type { AttributeProto, GraphProto, ModelProto, NodeProto } from './onnx-proto.ts'
import { handsOn, inputSlot, isAttributeSlot, isPlainFloats } from './parameter-slot-table.ts'
import {
  attributeNamed,
  functionScope,
  graphScope,
  markParameter,
  newValue,
  original,
  type ParameterUse,
  type Scope,
  type Value,
  valueNamed,
} from './value-flow.ts'

type Flow = { inputs: (Value | undefined)[]; outputs: (Value | undefined)[] }
type Callee = Flow & { attributes: Map<string, Value> }
type Analysis = { values: Set<Value>; uses: [Value, ParameterUse][]; functions: Map<string, Callee> }

/**
 * The tensors of a model that are parameters of an operation and not weights, by path: what reaches an input such as the scales of
 * a Resize, through Identity and the like, subgraphs and functions; and what is an output of the model as it stands.
 */
export function parameterSlots(model: ModelProto): ReadonlyMap<string, ParameterUse> {
  const analysis: Analysis = { values: new Set(), uses: [], functions: new Map() }
  // All functions are there before the first body is read: they may call each other in any order.
  const bodies = model.functions.map(({ name, domain, input, output, node }) => {
    const callee = calleeNamed(analysis, operatorKey(domain, name))
    const scope = functionScope(input ?? [], node ?? [], callee.attributes)
    addOverload(callee, flowOf(scope, input ?? [], output ?? []))
    return { scope, nodes: node ?? [] }
  })
  bodies.forEach(({ scope, nodes }, index) => {
    readNodes(analysis, nodes, scope, `functions[${index}]`)
  })
  const graph = model.graph ?? {}
  const main = readGraph(analysis, graph, 'graph', null)
  model.trainingInfo.forEach(({ initialization, algorithm }, index) => {
    if (initialization) readGraph(analysis, initialization, `training_info[${index}].initialization`, main.scope)
    if (algorithm) readGraph(analysis, algorithm, `training_info[${index}].algorithm`, main.scope)
  })
  const originals = new Map<Value, Value>()
  graph.output?.forEach(({ name }, index) => {
    const value = main.outputs[index]
    const constant = value && original(value, originals)
    if (constant && constant.tensors.length > 0)
      analysis.uses.push([constant, { slot: `the output ${name ?? index} of the model`, isOutput: true }])
  })
  for (const [value, use] of analysis.uses) markParameter(value, use)
  const found = new Map<string, ParameterUse>()
  for (const { tensors, use } of analysis.values) if (use) for (const path of tensors) found.set(path, use)
  return found
}

function readGraph(analysis: Analysis, graph: GraphProto, path: string, outer: Scope | null): Flow & { scope: Scope } {
  const scope = graphScope(graph, path, outer)
  readNodes(analysis, graph.node ?? [], scope, path)
  for (const { quantParameterTensorNames } of graph.quantizationAnnotation ?? []) {
    for (const { key, value: name } of quantParameterTensorNames ?? []) {
      const value = valueNamed(scope, name ?? '')
      if (value) analysis.uses.push([value, { slot: `${key || 'a value'} of an annotation of quantisation` }])
    }
  }
  const names = (list: GraphProto['input']) => (list ?? []).map(({ name }) => name ?? '')
  return { ...flowOf(scope, names(graph.input), names(graph.output)), scope }
}

function flowOf(scope: Scope, inputs: readonly string[], outputs: readonly string[]): Flow {
  const named = (name: string) => valueNamed(scope, name)
  return { inputs: inputs.map(named), outputs: outputs.map(named) }
}

function readNodes(analysis: Analysis, nodes: readonly NodeProto[], scope: Scope, path: string): void {
  for (const value of scope.values.values()) analysis.values.add(value)
  nodes.forEach((node, index) => {
    readNode(analysis, node, scope, `${path}.node[${index}]`, node.name || `${node.opType} #${index}`)
  })
}

function readNode(analysis: Analysis, node: NodeProto, scope: Scope, path: string, label: string): void {
  const domain = standardDomain(node.domain)
  const opType = node.opType ?? ''
  const callee = analysis.functions.get(operatorKey(domain, opType))
  const flow = flowOf(scope, node.input ?? [], node.output ?? [])
  const standard = callee || domain !== '' ? '' : opType
  node.attribute?.forEach((attribute, index) => {
    const at = `${path}.attribute[${index}]`
    const name = attribute.name ?? ''
    const value = attributeValue(attribute, at, scope)
    if (value) {
      analysis.values.add(value)
      const isParameter = callee ? isPlainFloats(name) : isAttributeSlot(domain, opType, name)
      if (standard === 'Constant') connect(flow.outputs[0], value, true)
      else if (isParameter)
        analysis.uses.push([value, { node: label, slot: name, reason: whyNeverAveraged(domain, opType, name) }])
      if (callee) connect(attributeNamed(callee.attributes, name), value)
    }
    const readBody = (graph: GraphProto, place: string) =>
      connectBody(standard, flow, readGraph(analysis, graph, `${at}.${place}`, scope))
    if (attribute.g) readBody(attribute.g, 'g')
    attribute.graphs?.forEach((graph, position) => {
      readBody(graph, `graphs[${position}]`)
    })
  })
  if (callee) connectCall(flow, callee)
  else connectOperator(analysis, domain, opType, flow, label)
}

/** The tensors of an attribute, or what a function's callers give for the attribute that it refers to; undefined if it has none. */
function attributeValue(attribute: AttributeProto, path: string, scope: Scope): Value | undefined {
  const { name, t, tensors, sparseTensor, sparseTensors, refAttrName } = attribute
  const given = refAttrName && scope.attributes ? attributeNamed(scope.attributes, refAttrName) : undefined
  const floats = isPlainFloats(name ?? '')
  if (!t && !tensors?.length && !sparseTensor && !sparseTensors?.length && !floats && !given) return undefined
  const value = newValue()
  if (t) value.tensors.push(`${path}.t`)
  if (floats) value.tensors.push(`${path}.f`, `${path}.floats`)
  if (sparseTensor) value.tensors.push(`${path}.sparse_tensor.values`)
  tensors?.forEach((_, index) => {
    value.tensors.push(`${path}.tensors[${index}]`)
  })
  sparseTensors?.forEach((_, index) => {
    value.tensors.push(`${path}.sparse_tensors[${index}].values`)
  })
  connect(value, given)
  return value
}

/** The results of If are those of its branches; the bodies of Loop and Scan take the node's inputs, and Loop its own results again. */
function connectBody(opType: string, node: Flow, body: Flow): void {
  if (opType !== 'If' && opType !== 'Loop' && opType !== 'Scan') return
  const condition = opType === 'Loop' ? 1 : 0
  node.outputs.forEach((output, index) => {
    connect(output, body.outputs[index + condition])
  })
  if (opType === 'If') return
  body.inputs.forEach((input, index) => {
    connect(input, node.inputs[index])
    if (opType === 'Loop') connect(input, body.outputs[index - 1])
  })
}

function connectCall(node: Flow, callee: Callee): void {
  node.inputs.forEach((input, index) => {
    connect(callee.inputs[index], input)
  })
  node.outputs.forEach((output, index) => {
    connect(output, callee.outputs[index])
  })
}

function calleeNamed({ functions }: Analysis, key: string): Callee {
  const callee = functions.get(key) ?? { inputs: [], outputs: [], attributes: new Map() }
  functions.set(key, callee)
  return callee
}

/** Functions of one name that differ in their overload are taken as one: a call may be of any. */
function addOverload(callee: Callee, { inputs, outputs }: Flow): void {
  inputs.forEach((input, index) => {
    callee.inputs[index] ??= newValue()
    connect(input, callee.inputs[index])
  })
  outputs.forEach((output, index) => {
    callee.outputs[index] ??= newValue()
    connect(callee.outputs[index], output)
  })
}

function connectOperator(analysis: Analysis, domain: string, opType: string, node: Flow, label: string): void {
  node.inputs.forEach((input, index) => {
    const slot = inputSlot(domain, opType, index, node.inputs.length)
    if (input && slot) analysis.uses.push([input, { node: label, slot }])
  })
  if (domain !== '' || !handsOn.has(opType)) return
  if (opType === 'Concat') for (const input of node.inputs) connect(node.outputs[0], input)
  else for (const output of node.outputs) connect(output, node.inputs[0], opType === 'Identity')
}

function connect(to: Value | undefined, from: Value | undefined, isCopy = false): void {
  if (!to || !from) return
  to.from.push(from)
  if (isCopy) to.isCopy = true
}

function operatorKey(domain: string | null | undefined, name: string | null | undefined): string {
  return JSON.stringify([standardDomain(domain), name ?? ''])
}

function standardDomain(domain: string | null | undefined): string {
  return domain === 'ai.onnx' ? '' : (domain ?? '')
}
