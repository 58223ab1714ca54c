import type { onnx } from 'onnx-proto'

/** Surroundings of a graph: names that are defined around it, names that later nodes output, and functions that may be called. */
type Around = { defined: ReadonlySet<string>; spoken: ReadonlySet<string>; canCall: (opType: string) => boolean }

/**
 * Makes a model with any names sound, in place: outputs of nodes get unique names, nodes read nothing that comes after them, and functions
 * do not call themselves. Graph outputs with undefined names become outputs of the last nodes, so that they depend on something.
 */
export function soundModel<Model extends onnx.IModelProto & { graph: onnx.IGraphProto }>(model: Model): Model {
  const functions = model.functions ?? []
  functions.forEach((body, index) => {
    const later = new Set(functions.slice(index).map(({ name }) => name))
    const defined = new Set(body.input)
    const around = { defined: new Set<string>(), spoken: new Set<string>(), canCall: (of: string) => !later.has(of) }
    const computed = soundNodes(body.node ?? [], defined, around)
    body.output = (body.output ?? []).map(name => (defined.has(name) ? name : (computed.pop() ?? '')))
  })
  const around = { defined: new Set<string>(), spoken: new Set<string>(), canCall: () => true }
  const defined = soundGraph(model.graph, around)
  for (const { initialization, algorithm } of model.trainingInfo ?? [])
    for (const graph of [initialization, algorithm]) if (graph) soundGraph(graph, { ...around, defined })
  return model
}

/** @returns the names that it defines, and those that are defined around it */
function soundGraph(graph: onnx.IGraphProto, around: Around): Set<string> {
  const given = [
    ...(graph.input ?? []).map(({ name }) => name),
    ...(graph.initializer ?? []).map(({ name }) => name),
    ...(graph.sparseInitializer ?? []).map(({ values }) => values?.name),
  ]
  const defined = new Set(given.flatMap(name => name || []))
  const computed = soundNodes(graph.node ?? [], defined, around)
  for (const output of graph.output ?? []) {
    const name = output.name ?? ''
    if (defined.has(name) || (around.defined.has(name) && !around.spoken.has(name))) continue
    output.name = computed.pop() ?? ''
  }
  return new Set([...around.defined, ...defined])
}

/** @returns the outputs of the nodes in order; they are added to `defined`, too */
function soundNodes(nodes: onnx.INodeProto[], defined: Set<string>, around: Around): string[] {
  const all: string[] = []
  const spoken = new Set(nodes.flatMap(({ output }) => output ?? []))
  for (const node of nodes) {
    if (!around.canCall(node.opType ?? '')) node.opType = 'Add'
    // A name that nothing has stays one, but must not be that of a node further down.
    const isKnown = (name: string) => defined.has(name) || (!spoken.has(name) && !around.spoken.has(name))
    node.input = (node.input ?? []).map(name => (isKnown(name) ? name : (all.at(-1) ?? '')))
    for (const { g, graphs } of node.attribute ?? [])
      for (const graph of [g, ...(graphs ?? [])])
        if (graph) {
          const inside = {
            defined: new Set([...around.defined, ...defined]),
            spoken: new Set([...around.spoken, ...spoken].filter(name => !defined.has(name))),
            canCall: around.canCall,
          }
          soundGraph(graph, inside)
        }
    node.output = (node.output ?? []).map(name => {
      if (name === '') return ''
      const own = ownName(name, defined)
      defined.add(own)
      all.push(own)
      return own
    })
  }
  return all
}

function ownName(name: string, taken: ReadonlySet<string>): string {
  let own = name
  while (taken.has(own)) own += "'"
  return own
}
