import onnxProto, { type onnx } from 'onnx-proto'
import { float32Tensor } from './onnx-model.ts'
import type { Random } from './random.ts'
import { renameEverything } from './scramble-names.ts'
import { constant, moveTensors, storeOtherwise } from './scramble-tensors.ts'

const { ModelProto } = onnxProto.onnx

/** A body of nodes: a graph, or a function without initializers. */
type Body = { node?: onnx.INodeProto[] | null }
type Fresh = () => string
type Fill = (values: readonly number[]) => number[]

const attributeType = { float: 1, int: 2, ints: 7 } as const

/** Returns a model that is written in another way and computes the same. */
export function scramble(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const model = ModelProto.decode(bytes)
  let count = 0
  const fresh = () => {
    count += 1
    return `fresh ${count}`
  }
  const graphs = graphsOf(model)
  const outputs = (model.graph?.output ?? []).map(({ name }) => name ?? '')
  for (const graph of graphs) {
    moveTensors(graph, random, graph === model.graph)
    addUnused(graph, random, fresh)
  }
  const bodies: Body[] = [...graphs, ...model.functions]
  const own = new Set(model.functions.map(({ name }) => name))
  for (const body of bodies) {
    writeDefaults(body, random, own)
    insertIdentities(body, random, fresh)
    leaveOut(body, random)
  }
  for (const graph of graphs) putOutThroughIdentities(graph, random, fresh)
  renameEverything(model, random, namesOfInterface(model, outputs, random))
  for (const body of bodies) shuffle(body, random)
  for (const graph of graphs) storeOtherwise(graph, random)
  writeTexts(model, random)
  return Uint8Array.from(ModelProto.encode(model).finish())
}

/**
 * Returns new names for the inputs and outputs of a model: the old ones in another order, or new ones in the old order.
 * @param outputs the old names of its outputs
 */
function namesOfInterface(
  { graph }: onnx.ModelProto,
  outputs: readonly string[],
  random: Random,
): ReadonlyMap<string, string> {
  const held = new Set([
    ...(graph?.initializer ?? []).map(({ name }) => name),
    ...(graph?.sparseInitializer ?? []).map(({ values }) => values?.name),
  ])
  const inputs = (graph?.input ?? []).flatMap(({ name }) => (name && !held.has(name) ? [name] : []))
  const named = (graph?.output ?? []).map(({ name }, index) => [name ?? '', outputs[index] ?? ''] as const)
  const isUnique = (names: readonly string[]) => new Set(names).size === names.length
  if (graph && isUnique(inputs) && isUnique(outputs) && random.next() < 0.5) {
    graph.input = random.shuffled(graph.input ?? [])
    graph.output = random.shuffled(graph.output ?? [])
    return new Map([...inputs.map(name => [name, name] as const), ...named])
  }
  const others = [...inputs, ...named.map(([name]) => name)]
  return new Map(others.map((name, index) => [name, `of the interface ${index}`]))
}

/** Returns the graphs of a model, with those inside other graphs and inside functions. */
export function graphsOf(model: onnx.ModelProto): onnx.IGraphProto[] {
  const found: onnx.IGraphProto[] = []
  const visitNodes = (nodes: readonly onnx.INodeProto[]) => {
    for (const { attribute } of nodes)
      for (const { g, graphs } of attribute ?? []) for (const graph of [g, ...(graphs ?? [])]) if (graph) visit(graph)
  }
  const visit = (graph: onnx.IGraphProto) => {
    found.push(graph)
    visitNodes(graph.node ?? [])
  }
  if (model.graph) visit(model.graph)
  for (const { initialization, algorithm } of model.trainingInfo)
    for (const graph of [initialization, algorithm]) if (graph) visit(graph)
  for (const { node } of model.functions) visitNodes(node ?? [])
  return found
}

function addUnused(graph: onnx.IGraphProto, random: Random, fresh: Fresh): void {
  const values = (graph.node ?? []).flatMap(({ output }) => output ?? []).filter(Boolean)
  graph.initializer?.push(float32Tensor(fresh(), [3], [7, 8, 9]))
  graph.node?.push(constant(fresh(), { name: 'value_float', type: attributeType.float, f: 3 }))
  if (values.length === 0) return
  const between = fresh()
  graph.node?.push(
    { opType: 'Add', input: [random.pick(values), random.pick(values)], output: [between] },
    { opType: 'Tanh', input: [between], output: [fresh()] },
  )
}

/** Attributes that exporters write although they are defaults. `many`: one value for each spatial axis. */
const defaults: Readonly<Record<string, (many: Fill) => onnx.IAttributeProto[]>> = {
  Conv: many => [
    { name: 'group', type: attributeType.int, i: 1 },
    { name: 'strides', type: attributeType.ints, ints: many([1]) },
    { name: 'dilations', type: attributeType.ints, ints: many([1]) },
    { name: 'pads', type: attributeType.ints, ints: many([0, 0]) },
  ],
  MaxPool: many => [
    { name: 'ceil_mode', type: attributeType.int, i: 0 },
    { name: 'strides', type: attributeType.ints, ints: many([1]) },
  ],
  Gemm: () => [
    { name: 'alpha', type: attributeType.float, f: 1 },
    { name: 'beta', type: attributeType.float, f: 1 },
    { name: 'transA', type: attributeType.int, i: 0 },
  ],
  BatchNormalization: () => [{ name: 'epsilon', type: attributeType.float, f: Math.fround(1e-5) }],
  LeakyRelu: () => [{ name: 'alpha', type: attributeType.float, f: Math.fround(0.01) }],
  Flatten: () => [{ name: 'axis', type: attributeType.int, i: 1 }],
  Gather: () => [{ name: 'axis', type: attributeType.int, i: 0 }],
}

function writeDefaults(body: Body, random: Random, own: ReadonlySet<string | null | undefined>): void {
  for (const node of body.node ?? []) {
    const made = node.domain || own.has(node.opType) ? undefined : defaults[node.opType ?? '']
    if (!made) continue
    const given = node.attribute ?? []
    const axes = given.find(({ name }) => name === 'kernel_shape')?.ints?.length ?? 0
    const isPadded = given.some(({ name }) => name === 'auto_pad')
    const additions = made(values => values.flatMap(value => Array.from({ length: axes }, () => value))).filter(
      ({ name, ints }) =>
        random.next() < 0.7 &&
        !given.some(each => each.name === name) &&
        (!ints || axes > 0) &&
        !(isPadded && name === 'pads'),
    )
    node.attribute = [...given, ...additions]
  }
}

function insertIdentities(body: Body, random: Random, fresh: Fresh): void {
  const added: onnx.INodeProto[] = []
  for (const node of body.node ?? []) {
    node.input = (node.input ?? []).map(name => {
      if (name === '' || random.next() < 0.7) return name
      const copy = fresh()
      added.push({ opType: 'Identity', input: [name], output: [copy], domain: random.pick(['', 'ai.onnx']) })
      return copy
    })
  }
  body.node = [...(body.node ?? []), ...added]
}

/** Appends empty names for omitted inputs and outputs. Not to Resize: the number of its inputs decides their meaning. */
function leaveOut(body: Body, random: Random): void {
  for (const node of body.node ?? []) {
    if (node.opType === 'Resize' || random.next() < 0.7) continue
    if (node.opType !== 'Constant') node.input = [...(node.input ?? []), '']
    node.output = [...(node.output ?? []), '']
  }
}

/** Inserts Identities before outputs. An input that is also an output keeps its name: runtimes address it by this name on both sides. */
function putOutThroughIdentities(graph: onnx.IGraphProto, random: Random, fresh: Fresh): void {
  const inputs = new Set((graph.input ?? []).map(({ name }) => name))
  for (const output of graph.output ?? []) {
    if (!output.name || inputs.has(output.name) || random.next() < 0.7) continue
    const copy = fresh()
    graph.node?.push({ opType: 'Identity', input: [output.name], output: [copy] })
    output.name = copy
  }
}

/** Shuffles lists. Of entries with the same name the last counts, so these keep their order. */
function shuffle(body: Body & onnx.IGraphProto, random: Random): void {
  const isUnique = (names: readonly unknown[]) => new Set(names).size === names.length
  const nodes = body.node ?? []
  if (isUnique(nodes.flatMap(({ output }) => (output ?? []).filter(Boolean)))) body.node = random.shuffled(nodes)
  for (const node of nodes) if (node.opType !== 'Constant') node.attribute = random.shuffled(node.attribute ?? [])
  const { initializer, sparseInitializer } = body
  if (initializer && isUnique(initializer.map(({ name }) => name))) body.initializer = random.shuffled(initializer)
  if (sparseInitializer) body.sparseInitializer = random.shuffled(sparseInitializer)
}

function writeTexts(model: onnx.ModelProto, random: Random): void {
  Object.assign(model, {
    irVersion: random.pick([7, 8, 10]),
    producerName: `scrambler ${random.next()}`,
    producerVersion: '9',
    domain: 'org.example.scrambled',
    modelVersion: 77,
    docString: 'scrambled',
    metadataProps: [{ key: '__proto__', value: 'x' }],
    opsetImport: random.shuffled([...model.opsetImport, { domain: 'org.example.unused', version: 3 }]),
  })
  for (const graph of graphsOf(model)) {
    graph.docString = 'scrambled'
    for (const tensor of graph.initializer ?? []) tensor.docString = random.pick(['', 'a tensor'])
    for (const value of [...(graph.input ?? []), ...(graph.output ?? [])]) {
      value.docString = 'a value'
      for (const dim of value.type?.tensorType?.shape?.dim ?? []) if (dim.dimParam) dim.dimParam = 'n'
    }
    for (const output of graph === model.graph ? (graph.output ?? []) : [])
      output.type = random.pick([output.type ?? {}, {}])
    for (const node of graph.node ?? []) {
      node.docString = random.pick(['', 'a node'])
      for (const attribute of node.attribute ?? []) attribute.docString = 'why'
    }
  }
}
