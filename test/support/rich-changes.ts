import type { onnx } from 'onnx-proto'
import type { RichModel } from './rich-model.ts'

/** A change that makes a variant of {@link richModel}. */
export type Change = (model: RichModel) => void

export function found<Item>(item: Item | null | undefined, what: string): Item {
  if (item === undefined || item === null) throw new Error(`there is no ${what}`)
  return item
}

export function nodeOf({ graph }: RichModel, name: string): onnx.INodeProto {
  return found(
    graph.node?.find(each => each.name === name),
    name,
  )
}

export function attributeOf(model: RichModel, node: string, name: string): onnx.IAttributeProto {
  return found(
    nodeOf(model, node).attribute?.find(each => each.name === name),
    name,
  )
}

export function tensorOf({ graph }: RichModel, name: string): onnx.ITensorProto {
  return found(
    graph.initializer?.find(each => each.name === name),
    name,
  )
}

export function branchOf(model: RichModel, name: 'then_branch' | 'else_branch'): onnx.IGraphProto {
  return found(attributeOf(model, 'choose', name).g, name)
}

export const ofModel =
  (values: onnx.IModelProto): Change =>
  model =>
    void Object.assign(model, values)
export const ofGraph =
  (change: (graph: onnx.IGraphProto) => unknown): Change =>
  ({ graph }) =>
    void change(graph)
export const ofNode =
  (name: string, values: onnx.INodeProto): Change =>
  model =>
    void Object.assign(nodeOf(model, name), values)
export const ofAttribute =
  (node: string, name: string, values: onnx.IAttributeProto): Change =>
  model =>
    void Object.assign(attributeOf(model, node, name), values)
export const ofTensor =
  (name: string, values: onnx.ITensorProto): Change =>
  model =>
    void Object.assign(tensorOf(model, name), values)
export const ofFunction =
  (values: onnx.IFunctionProto): Change =>
  model =>
    void Object.assign(found(model.functions?.[0], 'function'), values)

export const ofOpset =
  (index: number, values: onnx.IOperatorSetIdProto): Change =>
  model =>
    void Object.assign(found(model.opsetImport?.[index], 'opset'), values)

/** Renames a value in a graph or a function, subgraphs included. */
export function rename(graph: onnx.IGraphProto | onnx.IFunctionProto, from: string, to: string): void {
  const replaced = (name: string) => (name === from ? to : name)
  for (const node of graph.node ?? []) {
    Object.assign(node, { input: (node.input ?? []).map(replaced), output: (node.output ?? []).map(replaced) })
    for (const { g } of node.attribute ?? []) if (g) rename(g, from, to)
  }
  if ('initializer' in graph || 'valueInfo' in graph || 'sparseInitializer' in graph) {
    const values = [...(graph.initializer ?? []), ...(graph.sparseInitializer ?? []).map(({ values }) => values)]
    for (const each of values) if (each?.name === from) each.name = to
  }
  for (const each of [...(graph.input ?? []), ...(graph.output ?? [])])
    if (typeof each === 'object' && each.name === from) each.name = to
}

export const renamed =
  (from: string, to: string): Change =>
  ({ graph }) =>
    rename(graph, from, to)

/** Returns a change of one dimension of an input, an output or a value_info. */
export const ofDimension = (
  list: 'input' | 'output' | 'valueInfo',
  dimension: number,
  values: onnx.TensorShapeProto.IDimension,
): Change =>
  ofGraph(graph => {
    const dim = graph[list]?.[0]?.type?.tensorType?.shape?.dim?.[dimension]
    Object.assign(found(dim, list), values)
  })

/** Returns the base with all attributes of one node replaced by one. */
export const onlyAttribute = (node: string, attribute: onnx.IAttributeProto): Change =>
  ofNode(node, { attribute: [attribute] })
