import type { onnx } from 'onnx-proto'
import { float32Tensor } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

export type Layer = {
  opType: string
  tensors?: onnx.ITensorProto[]
  attribute?: onnx.IAttributeProto[]
  name?: string
  domain?: string
}

export const zeros = (name: string, ...dims: number[]) =>
  float32Tensor(
    name,
    dims,
    Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => 0),
  )
export const scalar = (name: string, dataType: number, width: number): onnx.ITensorProto => ({
  name,
  dims: [],
  dataType,
  rawData: new Uint8Array(width),
})
export const int = (name: string, i: number): onnx.IAttributeProto => ({ name, type: 2, i })

/** Returns a model of layers in sequence. `change` modifies it. The layers have the names /0/Conv, /1/Relu and so on. */
export function stack(
  layers: readonly Layer[],
  opset = 13,
  change: (graph: onnx.IGraphProto & { node: onnx.INodeProto[]; output: onnx.IValueInfoProto[] }) => void = () => {},
): Uint8Array {
  const node = layers.map(({ opType, tensors = [], attribute = [], name, domain = '' }, index) => ({
    name: name ?? `/${index}/${opType}`,
    opType,
    domain,
    input: [index === 0 ? 'x' : `v${index - 1}`, ...tensors.map(tensor => tensor.name ?? '')],
    output: [`v${index}`],
    attribute,
  }))
  const value = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } })
  const graph = {
    name: 'stack',
    node,
    initializer: layers.flatMap(({ tensors }) => tensors ?? []),
    input: [value('x')],
    output: [value(`v${layers.length - 1}`)],
  }
  change(graph)
  const opsetImport = [
    { domain: '', version: opset },
    { domain: 'com.microsoft', version: 1 },
  ]
  return encodeModel({ irVersion: 8, opsetImport, graph })
}

export const conv = (name: string, channels = 8): Layer => ({
  opType: 'Conv',
  name,
  tensors: [zeros(`${name}.weight`, channels, channels, 3, 3), zeros(`${name}.bias`, channels)],
})
export const normalisation = (name: string): Layer => ({
  opType: 'BatchNormalization',
  name,
  tensors: ['scale', 'bias', 'mean', 'var'].map(part => zeros(`${name}.${part}`, 8)),
})
export const relu = (name: string): Layer => ({ opType: 'Relu', name })
export const gemm = (name: string, dims: [number, number], attribute: onnx.IAttributeProto[] = []): Layer => ({
  opType: 'Gemm',
  name,
  tensors: [zeros(`${name}.weight`, ...dims), zeros(`${name}.bias`, dims[attribute.length > 0 ? 0 : 1])],
  attribute,
})
