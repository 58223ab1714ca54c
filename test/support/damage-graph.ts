import type { onnx } from 'onnx-proto'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { labelWithValues } from '../../src/onnx/graph/fingerprint.ts'
import { networkHashes, operatorLabel } from '../../src/onnx/graph/network-hash.ts'
import { type Damage, plainDamages, put, tensorDamages } from './damage-values.ts'
import { networkOfBytes } from './inspecting.ts'
import { type LiveBody, livePartsOf } from './live-parts.ts'
import { float32Tensor } from './onnx-model.ts'
import { isClassicWeight } from './onnx-oracle.ts'
import { encodeModel } from './rich-model.ts'

/** Every single change of an attribute, an edge, a dimension or a type that this knows, in the live part of a model. */
export function damagesOf(model: onnx.ModelProto): Damage[] {
  const { bodies, tensors, sparse } = livePartsOf(model)
  const nodes = bodies.flatMap(body => body.nodes)
  const functions = new Map(model.functions.map(({ name, attribute }) => [name ?? '', attribute ?? []]))
  return [
    ...nodes.flatMap(node => operatorDamages(node, functions)),
    ...nodes.flatMap(node => (isConstant(node) ? [] : attributeDamages(node, functions.get(node.opType ?? '')))),
    ...nodes.filter(isConstant).flatMap(literalDamages),
    ...nodes.flatMap(node => edgeDamages(node, model)),
    ...redirections(
      model,
      bodies.filter(({ isMain }) => isMain).flatMap(body => body.nodes),
    ),
    ...bodies.flatMap(siblings),
    ...tensors.flatMap(tensorDamages),
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

function isConstant({ opType, domain }: onnx.INodeProto): boolean {
  return opType === 'Constant' && (!domain || domain === 'ai.onnx')
}

/** Attributes that an Identity, a Constant or a function does not know mean nothing to it. */
function operatorDamages(node: onnx.INodeProto, functions: ReadonlyMap<string, string[]>): Damage[] {
  const isExpanded = isConstant(node) || node.opType === 'Identity' || functions.has(node.opType ?? '')
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

/** Whether an attribute may say what holds anyway. */
function isPlainly({ name, type, i, ints }: onnx.IAttributeProto): boolean {
  if (name === 'kernel_shape' || (name === 'axes' && !ints?.length)) return true
  if (type === 2) return Math.abs(Number(i)) <= 1
  if (type === 7) return (ints ?? []).every(each => Number(each) === 0 || Number(each) === 1)
  return type === 1 || type === 3
}

/** Integers and texts of a Constant; its floats are weights. */
function literalDamages(node: onnx.INodeProto): Damage[] {
  const [attribute] = node.attribute ?? []
  if (!attribute || attribute.refAttrName || /float|value$/.test(attribute.name ?? '')) return []
  return plainDamages(attribute, `${attribute.name} of ${labelOf(node)}`).map(each => ({ ...each, kind: 'value' }))
}

/** A tensor that is like no other. */
const oddTensor = float32Tensor('odd tensor', [1, 1, 5, 1, 1], [1, 2, 3, 4, 5])

function edgeDamages(node: onnx.INodeProto, { graph }: onnx.ModelProto): Damage[] {
  const input = node.input ?? []
  return input.flatMap((name, at) => {
    if (name === '') return []
    const what = `input ${at} of ${labelOf(node)}`
    const redirected = put('edge', `${what} to another tensor`, input, at, 'odd tensor')
    const apply = () => {
      const undo = redirected.apply()
      graph?.initializer?.push(oddTensor)
      return () => {
        graph?.initializer?.pop()
        undo()
      }
    }
    return [{ ...redirected, apply }, ...(isConstant(node) ? [] : [put('edge', `${what} left out`, input, at, '')])]
  })
}

/** Edges that lead to another output of the same node, or to another input of the same inner graph. */
function siblings({ nodes, formals }: LiveBody): Damage[] {
  const families = [formals, ...nodes.map(({ output }) => output ?? [])].filter(names => names.length > 1)
  return nodes.flatMap(node =>
    (node.input ?? []).flatMap((name, at) => {
      const family = name === '' ? undefined : families.find(names => names.includes(name))
      const other = family?.find(each => each !== name && each !== '')
      return other ? [put('edge', `input ${at} of ${labelOf(node)} to its sibling`, node.input ?? [], at, other)] : []
    }),
  )
}

/** Edges and outputs of the main graph that lead to another value of it: the next one that is computed in another way. */
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
        if (name === '' || !hashes.has(name) || !other) return []
        return [put('edge', `input ${at} of ${labelOf(node)} from ${other}`, node.input ?? [], at, other)]
      }),
    ),
    ...outputs.flatMap((output, at) => {
      const other = another(output.name ?? '')
      return other ? [put('edge', `output ${at} from ${other}`, output, 'name', other)] : []
    }),
    ...(outputs.length > 1 ? [put('edge', 'one output less', graph, 'output', outputs.slice(0, -1))] : []),
  ]
}

/** What each name of the main graph is computed from and how, weights apart. */
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
  const { of } = networkHashes(network, {
    leaf: leaf => (leaf.type.startsWith('float') ? leaf.type : labelWithValues(leaf, files)),
    operator: operatorLabel,
  })
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
