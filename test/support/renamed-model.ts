import onnxProto from 'onnx-proto'

const { ModelProto } = onnxProto.onnx

/**
 * Returns a model without subgraphs with all names changed: inputs, outputs, values, initializers, nodes. The order of its initializers is
 * reversed.
 */
export function renamedModel(bytes: Uint8Array, prefix: string): Uint8Array<ArrayBuffer> {
  const model = ModelProto.decode(bytes)
  const renamed = (name: string | null | undefined) => (name ? prefix + name : '')
  const { graph } = model
  if (!graph) throw new Error('a model without a graph')
  for (const node of graph.node ?? []) {
    node.name = renamed(node.name)
    node.input = node.input?.map(renamed) ?? []
    node.output = node.output?.map(renamed) ?? []
  }
  for (const value of [...(graph.input ?? []), ...(graph.output ?? []), ...(graph.initializer ?? [])])
    value.name = renamed(value.name)
  graph.valueInfo = []
  graph.initializer?.reverse()
  return Uint8Array.from(ModelProto.encode(model).finish())
}
