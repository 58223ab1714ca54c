import type { onnx } from 'onnx-proto'
import type { Random } from './random.ts'

/** Turns some initializers into Constants, and some Constants into initializers. Some of the main graph become inputs as well. */
export function moveTensors(graph: onnx.IGraphProto, random: Random, isMain: boolean): void {
  const inputs = new Set(graph.input?.map(({ name }) => name))
  const some = () => random.next() < 0.4
  const goes = (name: string | null | undefined) => Boolean(name) && !inputs.has(name ?? '') && some()
  const dense = (graph.initializer ?? []).map(tensor => ({ tensor, goes: goes(tensor.name) }))
  const sparse = (graph.sparseInitializer ?? []).map(tensor => ({ tensor, goes: goes(tensor.values?.name) }))
  const isWritten = ({ opType, domain, attribute }: onnx.INodeProto) =>
    opType === 'Constant' && !domain && attribute?.length === 1 && !attribute[0]?.refAttrName
  const constants = (graph.node ?? []).filter(node => isWritten(node) && asTensors(node) !== undefined && some())
  const moved = constants.flatMap(node => asTensors(node) ?? [])
  graph.node = [
    ...(graph.node ?? []).filter(node => !constants.includes(node)),
    ...dense
      .filter(({ goes }) => goes)
      .map(({ tensor }) => constant(tensor.name, { name: 'value', type: 4, t: tensor })),
    ...sparse
      .filter(({ goes }) => goes)
      .map(({ tensor: sparseTensor }) =>
        constant(sparseTensor.values?.name, { name: 'sparse_value', type: 11, sparseTensor }),
      ),
  ]
  graph.initializer = [
    ...dense.filter(({ goes }) => !goes).map(({ tensor }) => tensor),
    ...moved.flatMap(({ dense }) => dense ?? []),
  ]
  graph.sparseInitializer = [
    ...sparse.filter(({ goes }) => !goes).map(({ tensor }) => tensor),
    ...moved.flatMap(({ sparse }) => sparse ?? []),
  ]
  if (!isMain) return
  for (const { name, dataType } of graph.initializer) {
    if (name && !inputs.has(name) && some())
      graph.input?.splice(random.integer(0, graph.input.length), 0, {
        name,
        type: { tensorType: { elemType: dataType ?? 0 } },
      })
  }
}

export function constant(name: string | null | undefined, attribute: onnx.IAttributeProto): onnx.INodeProto {
  return { opType: 'Constant', output: [name ?? ''], attribute: [attribute] }
}

/** Returns the value of a Constant as an initializer; undefined if it cannot be one. */
function asTensors({
  output,
  attribute,
}: onnx.INodeProto): { dense?: onnx.ITensorProto; sparse?: onnx.ISparseTensorProto } | undefined {
  const [name] = output ?? []
  const [given] = attribute ?? []
  if (!name || !given) return undefined
  switch (given.name) {
    case 'value':
      return given.t ? { dense: { ...given.t, name } } : undefined
    case 'sparse_value':
      return given.sparseTensor
        ? { sparse: { ...given.sparseTensor, values: { ...given.sparseTensor.values, name } } }
        : undefined
    case 'value_float':
      return { dense: { name, dims: [], dataType: 1, floatData: [given.f ?? 0] } }
    case 'value_floats':
      return { dense: { name, dims: [given.floats?.length ?? 0], dataType: 1, floatData: given.floats ?? [] } }
    case 'value_int':
      return { dense: { name, dims: [], dataType: 7, int64Data: [given.i ?? 0] } }
    case 'value_ints':
      return { dense: { name, dims: [given.ints?.length ?? 0], dataType: 7, int64Data: given.ints ?? [] } }
    case 'value_string':
      return { dense: { name, dims: [], dataType: 8, stringData: [given.s ?? new Uint8Array(0)] } }
    case 'value_strings':
      return { dense: { name, dims: [given.strings?.length ?? 0], dataType: 8, stringData: given.strings ?? [] } }
    default:
      return undefined
  }
}

/** Stores some float32 tensors as typed data, and some typed ones as raw data. */
export function storeOtherwise(graph: onnx.IGraphProto, random: Random): void {
  for (const tensor of graph.initializer ?? []) {
    if (tensor.dataType !== 1 || tensor.dataLocation === 1 || random.next() < 0.5) continue
    const { rawData, floatData } = tensor
    if (rawData && rawData.byteLength > 0) {
      const floats = new Float32Array(Uint8Array.from(rawData).buffer)
      if (floats.some(Number.isNaN)) continue
      tensor.floatData = [...floats]
      tensor.rawData = null
    } else if (floatData && floatData.length > 0) {
      tensor.rawData = new Uint8Array(Float32Array.from(floatData).buffer)
      tensor.floatData = []
    }
  }
}
