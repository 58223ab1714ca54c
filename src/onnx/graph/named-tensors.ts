import type { GraphProto } from '../onnx-proto.ts'

/** The paths of the tensors that one name of a graph stands for. */
export type NamedTensors = { tensors: string[] }

/** The names of one graph, inside of the graphs around it. */
export type GraphNames = { values: Map<string, NamedTensors>; outer: GraphNames | null }

/** Returns the tensors of a name; undefined for an omitted input or output, or a name that nothing defines. */
export function tensorsNamed(names: GraphNames, name: string): NamedTensors | undefined {
  if (name === '') return undefined
  for (let at: GraphNames | null = names; at; at = at.outer) {
    const value = at.values.get(name)
    if (value) return value
  }
  return undefined
}

/** Returns all names that a graph defines, including those of later nodes. */
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

/** An initializer may also be an input: the two are one value. */
function define({ values }: GraphNames, name: string): NamedTensors | undefined {
  if (name === '') return undefined
  const value = values.get(name) ?? { tensors: [] }
  values.set(name, value)
  return value
}
