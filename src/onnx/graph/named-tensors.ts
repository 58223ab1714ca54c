import type { GraphProto } from '../onnx-proto.ts'

/** What one name of a graph stands for: the tensors that it is, by their paths. */
export type NamedTensors = { tensors: string[] }

/** The names of one graph, within those of the graphs around it. */
export type GraphNames = { values: Map<string, NamedTensors>; outer: GraphNames | null }

/** What a name stands for; undefined for an input or output that is left out, or a name that nothing defines. */
export function tensorsNamed(names: GraphNames, name: string): NamedTensors | undefined {
  if (name === '') return undefined
  for (let at: GraphNames | null = names; at; at = at.outer) {
    const value = at.values.get(name)
    if (value) return value
  }
  return undefined
}

/** All names that a graph defines, those of nodes that stand further down as well. */
export function namesOf(graph: GraphProto, path: string, outer: GraphNames | null): GraphNames {
  const names: GraphNames = { values: new Map(), outer }
  for (const input of graph.input ?? []) define(names, input.name ?? '')
  graph.initializer?.forEach((tensor, index) => {
    define(names, tensor.name ?? '')?.tensors.push(`${path}.initializer[${index}]`)
  })
  graph.sparseInitializer?.forEach((sparse, index) => {
    define(names, sparse.values?.name ?? '')?.tensors.push(`${path}.sparse_initializer[${index}].values`)
  })
  for (const node of graph.node ?? []) for (const name of node.output ?? []) define(names, name)
  return names
}

/** An initializer may be an input as well: the two are one value. */
function define({ values }: GraphNames, name: string): NamedTensors | undefined {
  if (name === '') return undefined
  const value = values.get(name) ?? { tensors: [] }
  values.set(name, value)
  return value
}
