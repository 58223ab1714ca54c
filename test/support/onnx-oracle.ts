import onnxProto, { type onnx } from 'onnx-proto'

const { ModelProto } = onnxProto.onnx

/** A tensor as onnx-proto decodes it from the whole file, with its payload. */
export type OracleTensor = {
  path: string
  name: string
  dataType: number
  dims: number[]
  /** The elements in the form of raw_data. */
  bytes: Buffer
  external: boolean
}

/** Returns all tensors of a model, in every place. */
export function tensorsOf(model: Uint8Array): OracleTensor[] {
  const { graph, trainingInfo, functions } = ModelProto.decode(model)
  const nested = trainingInfo.flatMap((info, index) => [
    ...inGraph(info.initialization, `training_info[${index}].initialization`),
    ...inGraph(info.algorithm, `training_info[${index}].algorithm`),
  ])
  const inFunctions = functions.flatMap(({ node }, index) => inNodes(node, `functions[${index}]`))
  return [...inGraph(graph, 'graph'), ...nested, ...inFunctions]
}

/** Returns the elements of a model's initializer in the form of raw_data. */
export function initializerBytes(model: Uint8Array, name: string): Buffer {
  const tensor = ModelProto.decode(model).graph?.initializer?.find(each => each.name === name)
  if (!tensor) throw new Error(`there is no initializer ${name}`)
  return elementBytes(tensor)
}

function inGraph(graph: onnx.IGraphProto | null | undefined, path: string): OracleTensor[] {
  return [
    ...inNodes(graph?.node, path),
    ...(graph?.initializer ?? []).map((tensor, index) => described(tensor, `${path}.initializer[${index}]`)),
    ...(graph?.sparseInitializer ?? []).flatMap((tensor, index) =>
      inSparse(tensor, `${path}.sparse_initializer[${index}]`),
    ),
  ]
}

function inNodes(nodes: onnx.INodeProto[] | null | undefined, path: string): OracleTensor[] {
  return (nodes ?? []).flatMap((node, index) =>
    (node.attribute ?? [])
      .flatMap((attribute, at) => [
        ...inAttribute(attribute, `${path}.node[${index}].attribute[${at}]`),
        ...classicWeights(node, attribute, `${path}.node[${index}].attribute[${at}]`),
      ])
      .map(tensor => (node.opType === 'Constant' ? namedByOutput(tensor, firstOutput(node)) : tensor)),
  )
}

function firstOutput({ output }: onnx.INodeProto): string | undefined {
  return output?.find(name => name !== '')
}

/** Names the tensor of a Constant by its output. */
function namedByOutput(tensor: OracleTensor, output: string | undefined): OracleTensor {
  return output && !tensor.path.endsWith('.indices') ? { ...tensor, name: output } : tensor
}

function inAttribute(attribute: onnx.IAttributeProto, path: string): OracleTensor[] {
  return [
    ...(attribute.t ? [described(attribute.t, `${path}.t`)] : []),
    ...plainFloats(attribute, path),
    ...(attribute.tensors ?? []).map((tensor, index) => described(tensor, `${path}.tensors[${index}]`)),
    ...inGraph(attribute.g, `${path}.g`),
    ...(attribute.graphs ?? []).flatMap((graph, index) => inGraph(graph, `${path}.graphs[${index}]`)),
    ...(attribute.sparseTensor ? inSparse(attribute.sparseTensor, `${path}.sparse_tensor`) : []),
    ...(attribute.sparseTensors ?? []).flatMap((tensor, index) => inSparse(tensor, `${path}.sparse_tensors[${index}]`)),
  ]
}

function plainFloats(attribute: onnx.IAttributeProto, path: string): OracleTensor[] {
  const { name, f, floats } = attribute
  if (name === 'value_float' && Object.hasOwn(attribute, 'f')) return [floatTensor(`${path}.f`, '', [], [f ?? 0])]
  return name === 'value_floats' && floats?.length ? [floatTensor(`${path}.floats`, '', [floats.length], floats)] : []
}

function floatTensor(path: string, name: string, dims: number[], values: number[]): OracleTensor {
  const bytes = Buffer.from(Float32Array.from(values).buffer)
  return { path, name, dataType: 1, dims, bytes, external: false }
}

/** Float lists of ai.onnx.ml that are weights. Support vector machines are left out: none in the test models is linear. */
const classicLists: Record<string, readonly string[]> = {
  LinearClassifier: ['coefficients', 'intercepts'],
  LinearRegressor: ['coefficients', 'intercepts'],
  Scaler: ['offset', 'scale'],
}

/** True if an attribute of a node is such a list. */
export function isClassicWeight({ domain, opType }: onnx.INodeProto, { name }: onnx.IAttributeProto): boolean {
  return domain === 'ai.onnx.ml' && classicLists[opType ?? '']?.includes(name ?? '') === true
}

function classicWeights(node: onnx.INodeProto, attribute: onnx.IAttributeProto, path: string): OracleTensor[] {
  const floats = attribute.floats ?? []
  if (!isClassicWeight(node, attribute) || floats.length === 0) return []
  const output = firstOutput(node)
  return [floatTensor(`${path}.floats`, output ? `${output}.${attribute.name}` : '', [floats.length], floats)]
}

function inSparse({ values, indices }: onnx.ISparseTensorProto, path: string): OracleTensor[] {
  return [
    ...(values ? [described(values, `${path}.values`)] : []),
    ...(indices ? [described(indices, `${path}.indices`)] : []),
  ]
}

function described(tensor: onnx.ITensorProto, path: string): OracleTensor {
  return {
    path,
    name: tensor.name ?? '',
    dataType: tensor.dataType ?? 0,
    dims: (tensor.dims ?? []).map(Number),
    bytes: elementBytes(tensor),
    external: tensor.dataLocation === 1,
  }
}

/** Bytes that int32_data's low bits stand for, by element type (onnx.proto, TensorProto.int32_data). */
const int32Widths: Record<number, 1 | 2 | 4> = {
  2: 1,
  3: 1,
  4: 2,
  5: 2,
  6: 4,
  9: 1,
  10: 2,
  16: 2,
  17: 1,
  18: 1,
  19: 1,
  20: 1,
  21: 1,
  22: 1,
}

function elementBytes(tensor: onnx.ITensorProto): Buffer {
  if (Object.hasOwn(tensor, 'rawData')) return Buffer.from(tensor.rawData ?? [])
  const dataType = tensor.dataType ?? 0
  switch (dataType) {
    case 1:
    case 14:
      return Buffer.from(Float32Array.from(tensor.floatData ?? []).buffer)
    case 11:
    case 15:
      return Buffer.from(Float64Array.from(tensor.doubleData ?? []).buffer)
    case 7:
      return Buffer.from(BigInt64Array.from(tensor.int64Data ?? [], value => BigInt(String(value))).buffer)
    case 13:
      return Buffer.from(BigUint64Array.from(tensor.uint64Data ?? [], value => BigInt(String(value))).buffer)
    case 12:
      return Buffer.from(Uint32Array.from(tensor.uint64Data ?? [], Number).buffer)
    case 8:
      return Buffer.concat(tensor.stringData ?? [])
    default: {
      const values = Int32Array.from(tensor.int32Data ?? [])
      const width = int32Widths[dataType] ?? 4
      return Buffer.concat(Array.from(values, value => Buffer.from(Int32Array.of(value).buffer, 0, width)))
    }
  }
}

/**
 * A whole model decoded by onnx-proto and stripped here of what a skeleton leaves out: payloads of tensors, doc strings,
 * metadata, and attribute values of more than `attributeBytes` bytes.
 */
export function withoutPayloads(model: Uint8Array, attributeBytes = 4096): unknown {
  return stripped(
    ModelProto.toObject(ModelProto.decode(model), { longs: String, bytes: String, json: true }),
    attributeBytes,
  )
}

/** Returns the same form of a model that is already a skeleton. */
export function decodedSkeleton(skeleton: Uint8Array): unknown {
  return stripped(
    ModelProto.toObject(ModelProto.decode(skeleton), { longs: String, bytes: String, json: true }),
    Infinity,
  )
}

const leftOut = new Set([
  'rawData',
  'floatData',
  'doubleData',
  'int32Data',
  'int64Data',
  'uint64Data',
  'stringData',
  'docString',
  'metadataProps',
  'segment',
])

/** `weights`: names of the float lists that are weights, if this is an attribute of such a node. */
function stripped(value: unknown, attributeBytes: number, weights: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map(item => stripped(item, attributeBytes, weights))
  if (typeof value !== 'object' || value === null) return value
  const { name, opType, domain }: Record<string, unknown> = { ...value }
  const long = (key: string, inner: unknown) =>
    (key === 'f' && name === 'value_float') ||
    (key === 'floats' && (name === 'value_floats' || weights.includes(String(name)))) ||
    (key === 's' && Buffer.from(String(inner), 'base64').byteLength > attributeBytes) ||
    (key === 'floats' && Array.isArray(inner) && inner.length * 4 > attributeBytes)
  const own = domain === 'ai.onnx.ml' ? classicLists[String(opType)] : undefined
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !leftOut.has(key) && !long(key, inner))
      .map(([key, inner]) => [key, stripped(inner, attributeBytes, key === 'attribute' ? own : [])]),
  )
}
