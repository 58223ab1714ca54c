import type { onnx } from 'onnx-proto'

/** A body of nodes: a graph or a function. `isMain`: the model's own graph. `formals`: inputs of a graph inside a node. */
export type LiveBody = { nodes: onnx.INodeProto[]; isMain: boolean; formals: string[] }

/** Parts that the outputs of a model depend on, found by the names in the file, from the outputs backward. */
export type LiveParts = { bodies: LiveBody[]; tensors: onnx.ITensorProto[]; sparse: onnx.ISparseTensorProto[] }

export function livePartsOf(model: onnx.ModelProto): LiveParts {
  const parts: LiveParts = { bodies: [], tensors: [], sparse: [] }
  const called = new Set<string>()
  visitGraph(model.graph ?? {}, parts, called, true)
  const open = new Set(model.functions)
  for (let found = true; found; ) {
    found = false
    for (const each of open) {
      if (!called.has(each.name ?? '')) continue
      open.delete(each)
      found = true
      visit({ node: each.node ?? [], output: (each.output ?? []).map(name => ({ name })) }, parts, called, false)
    }
  }
  return parts
}

/** @returns names that it needs of the graphs around it */
function visitGraph(graph: onnx.IGraphProto, parts: LiveParts, called: Set<string>, isMain: boolean): Set<string> {
  const needed = visit(graph, parts, called, isMain)
  const last = new Map((graph.initializer ?? []).map(tensor => [tensor.name ?? '', tensor]))
  for (const [name, tensor] of last) if (needed.delete(name)) parts.tensors.push(tensor)
  for (const tensor of graph.sparseInitializer ?? [])
    if (needed.delete(tensor.values?.name ?? '')) parts.sparse.push(tensor)
  for (const { name } of graph.input ?? []) needed.delete(name ?? '')
  return needed
}

function visit(graph: onnx.IGraphProto, parts: LiveParts, called: Set<string>, isMain: boolean): Set<string> {
  const makers = new Map((graph.node ?? []).flatMap(node => (node.output ?? []).map(name => [name, node])))
  const needed = new Set<string>()
  const live = new Set<onnx.INodeProto>()
  const open = (graph.output ?? []).map(({ name }) => name ?? '')
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const maker = makers.get(name)
    if (!maker) needed.add(name)
    if (!maker || live.has(maker)) continue
    live.add(maker)
    called.add(maker.opType ?? '')
    open.push(...(maker.input ?? []))
    for (const { t, sparseTensor, g, graphs } of maker.attribute ?? []) {
      if (t) parts.tensors.push(t)
      if (sparseTensor) parts.sparse.push(sparseTensor)
      for (const inner of [g, ...(graphs ?? [])]) if (inner) open.push(...visitGraph(inner, parts, called, false))
    }
  }
  const formals = isMain ? [] : (graph.input ?? []).map(({ name }) => name ?? '')
  parts.bodies.push({ nodes: [...live], isMain, formals })
  return needed
}
