import type { onnx } from 'onnx-proto'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { typeWithoutLeadingOnes } from '../../src/onnx/graph/broadcast-leaf.ts'
import { labelWithValues, unorderedView } from '../../src/onnx/graph/fingerprint.ts'
import type { Leaf } from '../../src/onnx/graph/network.ts'
import { networkHashes } from '../../src/onnx/graph/network-hash.ts'
import { type Damage, plainDamages, put, tensorDamages } from './damage-values.ts'
import { networkOfBytes } from './inspecting.ts'
import { type LiveBody, livePartsOf } from './live-parts.ts'
import { float32Tensor } from './onnx-model.ts'
import { isClassicWeight } from './onnx-oracle.ts'
import { encodeModel } from './rich-model.ts'

/** Returns all known single changes of an attribute, an edge, a dimension or a type, in the live part of a model. */
export function damagesOf(model: onnx.ModelProto): Damage[] {
  const { bodies, tensors, sparse } = livePartsOf(model)
  const nodes = bodies.flatMap(body => body.nodes)
  const biases = new Set(nodes.flatMap(node => (node.input ?? []).filter((_, at) => isOptionalBias(node, at))))
  const shapes = new Set(nodes.flatMap(({ opType, input }) => (opType === 'Reshape' ? (input?.[1] ?? []) : [])))
  // An empty one of these is as good as none.
  const resizing = new Set(nodes.flatMap(({ opType, input }) => (opType === 'Resize' ? (input?.slice(1) ?? []) : [])))
  const functions = new Map(model.functions.map(({ name, attribute }) => [name ?? '', attribute ?? []]))
  return [
    ...nodes.flatMap(node => operatorDamages(node, functions)),
    ...nodes.flatMap(node => (isConstant(node) ? [] : attributeDamages(node, functions.get(node.opType ?? '')))),
    ...nodes.filter(node => isConstant(node) && !shapes.has(node.output?.[0] ?? '')).flatMap(literalDamages),
    ...nodes.flatMap(node => edgeDamages(node, model)),
    ...redirections(
      model,
      bodies.filter(({ isMain }) => isMain).flatMap(body => body.nodes),
    ),
    ...bodies.flatMap(siblings),
    ...tensors
      .filter(({ name }) => !resizing.has(name ?? ''))
      .flatMap(tensor =>
        tensorDamages(tensor)
          // Two shapes may make the same matrix.
          .filter(({ kind }) => kind !== 'value' || !shapes.has(tensor.name ?? '') || Number(tensor.dims?.[0]) !== 2)
          .map(damage => ({ ...damage, isIndexed: !biases.has(tensor.name ?? '') })),
      ),
    ...sparse.flatMap(({ indices }) => tensorDamages(indices ?? {}).filter(({ kind }) => kind === 'value')),
    ...sparse.flatMap(({ values, dims }, index) =>
      (dims ?? []).map((_, at) =>
        put('dim', `dim ${at} of sparse ${values?.name || index}`, dims ?? [], at, Number(dims?.[at]) + 1),
      ),
    ),
    ...inputDamages(model.graph ?? {}, new Set(nodes.flatMap(({ input }) => input ?? []))),
  ]
}

function labelOf({ opType, name, output }: onnx.INodeProto): string {
  return `${opType} ${name || output?.[0]}`
}

/** True if an input is added to the result and is optional. */
function isOptionalBias({ opType, domain }: onnx.INodeProto, at: number): boolean {
  return !domain && at === 2 && /^(Conv|ConvTranspose|Gemm|LayerNormalization)$/.test(opType ?? '')
}

/** True if a node of ONNX does not read one of its inputs, or only checks that it is there. */
function isUnread({ opType, domain }: onnx.INodeProto, at: number): boolean {
  return !domain && ((opType === 'Dropout' && at > 0) || (opType === 'Resize' && at > 0))
}

function isConstant({ opType, domain }: onnx.INodeProto): boolean {
  return opType === 'Constant' && (!domain || domain === 'ai.onnx')
}

/** Attributes that an Identity, a Constant or a function does not know have no effect on it. */
function operatorDamages(node: onnx.INodeProto, functions: ReadonlyMap<string, string[]>): Damage[] {
  const isExpanded =
    isConstant(node) || /^(Identity|Dropout)$/.test(node.opType ?? '') || functions.has(node.opType ?? '')
  const more = [...(node.attribute ?? []), { name: 'novel', type: 2, i: 1 }]
  return [
    put('operator', `operator of ${labelOf(node)}`, node, 'opType', `${node.opType}Other`),
    put('operator', `domain of ${labelOf(node)}`, node, 'domain', 'org.example.other'),
    ...(isExpanded
      ? []
      : [put('edge', `new output of ${labelOf(node)}`, node, 'output', [...(node.output ?? []), 'novel'])]),
    ...(isExpanded ? [] : [put('attribute', `new attribute of ${labelOf(node)}`, node, 'attribute', more)]),
  ]
}

/** `known`: the attributes of the function that a node calls. */
function attributeDamages(node: onnx.INodeProto, known: readonly string[] | undefined): Damage[] {
  return (node.attribute ?? []).flatMap(attribute => {
    if (known && !known.includes(attribute.name ?? '')) return []
    if (node.opType === 'Dropout' || attribute.name === 'momentum') return []
    const what = `${attribute.name} of ${labelOf(node)}`
    const without = (node.attribute ?? []).filter(each => each !== attribute)
    const { refAttrName, name } = attribute
    if (refAttrName) return [put('attribute', what, attribute, 'refAttrName', `${refAttrName}Other`)]
    return [
      ...(isClassicWeight(node, attribute)
        ? [put('dim', `length of ${what}`, attribute, 'floats', [...(attribute.floats ?? []), 1])]
        : plainDamages(attribute, what)),
      ...(isPlainly(attribute) ? [] : [put('attribute', `${what} left out`, node, 'attribute', without)]),
      put('attribute', `${what} renamed`, attribute, 'name', `${name}Other`),
    ]
  })
}

/** True if an attribute may repeat a default. */
function isPlainly({ name, type, i, ints }: onnx.IAttributeProto): boolean {
  if (name === 'kernel_shape' || (name === 'axes' && !ints?.length)) return true
  if (type === 2) return Math.abs(Number(i)) <= 1
  if (type === 7) return (ints ?? []).every(each => Number(each) === 0 || Number(each) === 1)
  return type === 1 || type === 3
}

/** Returns changes of the integers and texts of a Constant. Its floats are weights. */
function literalDamages(node: onnx.INodeProto): Damage[] {
  const [attribute] = node.attribute ?? []
  if (!attribute || attribute.refAttrName || /float|value$/.test(attribute.name ?? '')) return []
  return plainDamages(attribute, `${attribute.name} of ${labelOf(node)}`).map(each => ({ ...each, kind: 'value' }))
}

/** A tensor that is different from all others. */
const oddTensor = float32Tensor('odd tensor', [1, 1, 5, 1, 1], [1, 2, 3, 4, 5])

function edgeDamages(node: onnx.INodeProto, { graph }: onnx.ModelProto): Damage[] {
  const input = node.input ?? []
  return input.flatMap((name, at) => {
    if (name === '' || isUnread(node, at)) return []
    const what = `input ${at} of ${labelOf(node)}`
    const isIndexed = !isOptionalBias(node, at)
    const redirected = put('edge', `${what} to another tensor`, input, at, 'odd tensor')
    const apply = () => {
      const undo = redirected.apply()
      graph?.initializer?.push(oddTensor)
      return () => {
        graph?.initializer?.pop()
        undo()
      }
    }
    const leftOut = isConstant(node) || isOptionalBias(node, at) ? [] : [put('edge', `${what} left out`, input, at, '')]
    return [{ ...redirected, isIndexed, apply }, ...leftOut]
  })
}

/** Returns changes of edges to another output of the same node, or to another input of the same inner graph. */
function siblings({ nodes, formals }: LiveBody): Damage[] {
  const families = [formals, ...nodes.map(({ output }) => output ?? [])].filter(names => names.length > 1)
  return nodes.flatMap(node =>
    (node.input ?? []).flatMap((name, at) => {
      const family = name === '' ? undefined : families.find(names => names.includes(name))
      const other = family?.find(each => each !== name && each !== '')
      return other && !isUnread(node, at)
        ? [put('edge', `input ${at} of ${labelOf(node)} to its sibling`, node.input ?? [], at, other)]
        : []
    }),
  )
}

/** Returns changes of edges and outputs of the main graph to another value: the next one that is computed in another way. */
function redirections(model: onnx.ModelProto, nodes: onnx.INodeProto[]): Damage[] {
  const graph = model.graph ?? {}
  const hashes = hashesByName(model, graph)
  const names = [...hashes.keys()]
  const another = (name: string) => {
    const start = names.indexOf(name)
    return names.find((other, index) => index !== start && hashes.get(other) !== hashes.get(name) && index > start % 7)
  }
  const outputs = graph.output ?? []
  return [
    ...nodes.flatMap(node =>
      (node.input ?? []).flatMap((name, at) => {
        const other = another(name)
        if (name === '' || !hashes.has(name) || !other || isUnread(node, at)) return []
        const damage = put('edge', `input ${at} of ${labelOf(node)} from ${other}`, node.input ?? [], at, other)
        return [{ ...damage, isIndexed: !isOptionalBias(node, at) }]
      }),
    ),
    ...outputs.flatMap((output, at) => {
      const other = another(output.name ?? '')
      return other ? [put('edge', `output ${at} from ${other}`, output, 'name', other)] : []
    }),
    ...(outputs.length > 1 ? [put('edge', 'one output less', graph, 'output', outputs.slice(0, -1))] : []),
  ]
}

/** Returns hashes of the computation of each name of the main graph, without weights. */
function hashesByName(model: onnx.ModelProto, graph: onnx.IGraphProto): Map<string, string> {
  const names = [
    ...(graph.input ?? []).map(({ name }) => name ?? ''),
    ...(graph.initializer ?? []).map(({ name }) => name ?? ''),
    ...(graph.node ?? []).flatMap(({ output }) => output ?? []),
  ].filter(Boolean)
  const output = [...new Set(names)].map(name => ({ name }))
  const bytes = encodeModel({ ...model, graph: { ...graph, output } })
  const network = networkOfBytes(bytes)
  const files = { source: memorySource(bytes), data: new Map() }
  const leaf = (each: Leaf) =>
    each.type.startsWith('float') ? typeWithoutLeadingOnes(each) : labelWithValues(each, files)
  const { of } = networkHashes(network, { ...unorderedView(files, leaf), input: ({ name }) => name })
  return new Map(output.map(({ name }, index) => [name, of(network.outputs[index] ?? null)]))
}

function inputDamages(graph: onnx.IGraphProto, read: ReadonlySet<string>): Damage[] {
  const { input, initializer, sparseInitializer } = graph
  const given = new Set(
    [...(initializer ?? []), ...(sparseInitializer ?? []).map(({ values }) => values)].map(each => each?.name),
  )
  return (input ?? []).flatMap(({ name, type }) => {
    const tensorType = type?.tensorType
    if (!tensorType || !read.has(name ?? '') || given.has(name)) return []
    return [put('dtype', `type of the input ${name}`, tensorType, 'elemType', Number(tensorType.elemType) + 1)]
  })
}
