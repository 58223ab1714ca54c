import type { onnx } from 'onnx-proto'
import type { Random } from './random.ts'

/** New names of one graph or function, with those around it. */
type Names = { own: Map<string, string>; outer: Names | null }

/** Names that break programs that keep names in plain objects. */
const awkward = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '层.0', 'a b/c:0', '"quoted"']

/** Operators whose operands may change places. */
const commutative = /^(Add|Mul|Sum|Max|Min|Mean|And|Or|Xor|Equal|Bitwise(And|Or|Xor))$/

/**
 * Renames all things in a model: values, nodes, graphs, functions. Half of the time the new names are the old ones on other things. But no
 * operand gets the name of another one that may change places with it: where such operands look alike, names tell them apart. Names that
 * nothing defines stay.
 *
 * @param settled new names that are given: those of inputs and outputs, which runtimes address by them
 */
export function renameEverything(model: onnx.ModelProto, random: Random, settled: ReadonlyMap<string, string>): void {
  const { defined, used, exchangeable } = namesIn(model)
  const taken = new Set([...[...used].filter(name => !defined.has(name)), ...settled.values()])
  const isPermuted = random.next() < 0.5
  const pool = random.shuffled((isPermuted ? [...defined] : awkward).filter(name => !taken.has(name)))
  let fresh = 0
  const nextName = (name = '') => {
    fresh += 1
    const others = exchangeable.get(name)
    const place = pool.findLastIndex(each => !others?.has(each))
    return place < 0 ? `renamed ${fresh}` : (pool.splice(place, 1)[0] ?? '')
  }
  const functions = new Map(model.functions.map((each, index) => [functionKey(each.domain, each.name), `F${index}`]))

  const open = (names: readonly (string | null | undefined)[], outer: Names | null): Names => {
    const own = new Map<string, string>()
    const nameOf = (name: string) => (outer === null ? settled.get(name) : undefined) ?? nextName(name)
    for (const name of names) if (name && !own.has(name)) own.set(name, nameOf(name))
    return { own, outer }
  }
  const renameNodes = (nodes: onnx.INodeProto[], names: Names) => {
    for (const node of nodes) {
      node.opType = functions.get(functionKey(node.domain, node.opType)) ?? node.opType ?? ''
      node.name = random.pick(['', 'node', ...awkward])
      node.input = (node.input ?? []).map(name => lookUp(names, name))
      node.output = (node.output ?? []).map(name => lookUp(names, name))
      for (const { g, graphs } of node.attribute ?? [])
        for (const graph of [...(g ? [g] : []), ...(graphs ?? [])]) renameGraph(graph, names)
    }
  }
  const renameGraph = (graph: onnx.IGraphProto, outer: Names | null): Names => {
    const names = open(definedIn(graph), outer)
    graph.name = `graph ${nextName()}`
    const listed = [graph.input, graph.output, graph.initializer, graph.sparseInitializer?.map(({ values }) => values)]
    for (const item of listed.flatMap(list => list ?? [])) if (item) item.name = lookUp(names, item.name ?? '')
    graph.valueInfo = []
    for (const annotation of graph.quantizationAnnotation ?? []) {
      annotation.tensorName = lookUp(names, annotation.tensorName ?? '')
      for (const entry of annotation.quantParameterTensorNames ?? []) entry.value = lookUp(names, entry.value ?? '')
    }
    renameNodes(graph.node ?? [], names)
    return names
  }

  const main = renameGraph(model.graph ?? {}, null)
  for (const { initialization, algorithm, initializationBinding, updateBinding } of model.trainingInfo) {
    for (const [graph, bindings] of [
      [initialization, initializationBinding],
      [algorithm, updateBinding],
    ] as const) {
      const names = graph ? renameGraph(graph, main) : main
      for (const binding of bindings ?? []) {
        binding.key = lookUp(main, binding.key ?? '')
        binding.value = lookUp(names, binding.value ?? '')
      }
    }
  }
  for (const each of model.functions) {
    const names = open([...(each.input ?? []), ...(each.output ?? []), ...outputsOf(each.node)], {
      own: new Map(),
      outer: null,
    })
    each.name = functions.get(functionKey(each.domain, each.name)) ?? each.name ?? ''
    each.input = (each.input ?? []).map(name => lookUp(names, name))
    each.output = (each.output ?? []).map(name => lookUp(names, name))
    renameNodes(each.node ?? [], names)
  }
}

function lookUp(names: Names | null, name: string): string {
  for (let at = names; at && name !== ''; at = at.outer) {
    const found = at.own.get(name)
    if (found !== undefined) return found
  }
  return name
}

function functionKey(domain: string | null | undefined, name: string | null | undefined): string {
  return JSON.stringify([domain === 'ai.onnx' ? '' : (domain ?? ''), name ?? ''])
}

function outputsOf(nodes: readonly onnx.INodeProto[] | null | undefined): string[] {
  return (nodes ?? []).flatMap(({ output }) => output ?? [])
}

function definedIn({ input, initializer, sparseInitializer, node }: onnx.IGraphProto): (string | null | undefined)[] {
  return [
    ...(input ?? []).map(({ name }) => name),
    ...(initializer ?? []).map(({ name }) => name),
    ...(sparseInitializer ?? []).map(({ values }) => values?.name),
    ...outputsOf(node),
  ]
}

type NamesOfModel = {
  defined: Set<string>
  used: Set<string>
  /** The operands of the same commutative nodes, by each of them. */
  exchangeable: Map<string, Set<string>>
}

/** Returns the names that a model defines anywhere, and those that it uses anywhere. */
function namesIn(model: onnx.ModelProto): NamesOfModel {
  const defined = new Set<string>()
  const used = new Set<string>()
  const exchangeable: NamesOfModel['exchangeable'] = new Map()
  const note = (into: Set<string>, names: readonly (string | null | undefined)[]) => {
    for (const name of names) if (name) into.add(name)
  }
  const visitNodes = (nodes: readonly onnx.INodeProto[]) => {
    for (const { opType, input, attribute } of nodes) {
      note(used, input ?? [])
      if (commutative.test(opType ?? ''))
        for (const name of input ?? [])
          exchangeable.set(name, new Set([...(exchangeable.get(name) ?? []), ...(input ?? [])]))
      for (const { g, graphs } of attribute ?? []) for (const graph of [g, ...(graphs ?? [])]) if (graph) visit(graph)
    }
  }
  const visit = (graph: onnx.IGraphProto) => {
    note(defined, definedIn(graph))
    note(
      used,
      (graph.output ?? []).map(({ name }) => name),
    )
    visitNodes(graph.node ?? [])
  }
  for (const { initialization, algorithm } of model.trainingInfo)
    for (const graph of [initialization, algorithm]) if (graph) visit(graph)
  if (model.graph) visit(model.graph)
  for (const { input, output, node } of model.functions) {
    note(defined, [...(input ?? []), ...outputsOf(node)])
    note(used, output ?? [])
    visitNodes(node ?? [])
  }
  return { defined, used, exchangeable }
}
