import type { onnx } from 'onnx-proto'
import { ModelProto } from '../../src/onnx/onnx-proto.ts'

/** A layer of a PyTorch network. `weight` and `bias` are names of initializers. */
export type TorchLayer =
  | {
      type: 'conv'
      weight: string
      bias: string
      strides: number[]
      pads: number[]
      dilations: number[]
      group: number
    }
  | { type: 'maxPool'; kernel: number[]; strides: number[] }
  | { type: 'layerNorm'; weight: string; bias: string; epsilon: number }
  | { type: 'linear'; weight: string; bias: string }
  | { type: 'relu' }
  | { type: 'flatten' }

/** LayerNorm as PyTorch exports it below opset 17, constants left out. */
const layerNorm = ['ReduceMean', 'Sub', 'Pow', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul', 'Add']

/**
 * The PyTorch layers that an exported chain of convolutions, LayerNorm and linear layers was made from.
 * @throws Error if anything else is in the graph
 */
export function torchLayers(model: Uint8Array): TorchLayer[] {
  const { graph } = ModelProto.decode(model)
  const nodes = (graph?.node ?? []).filter(({ opType }) => opType !== 'Constant')
  const constants = new Map<string, number>()
  for (const { opType, output, attribute } of graph?.node ?? []) {
    const raw = attribute?.find(({ name }) => name === 'value')?.t?.rawData
    if (opType === 'Constant' && raw?.byteLength === 4) constants.set(output?.[0] ?? '', Buffer.from(raw).readFloatLE())
  }
  const initializers = new Set(graph?.initializer?.map(({ name }) => name))
  const layers: TorchLayer[] = []
  for (let index = 0; index < nodes.length; ) {
    const following = nodes.slice(index, index + layerNorm.length)
    if (following.every(({ opType }, place) => opType === layerNorm[place]) && following.length === layerNorm.length) {
      layers.push(asLayerNorm(following, constants, initializers))
      index += layerNorm.length
      continue
    }
    const [node] = following
    if (node) layers.push(asLayer(node))
    index += 1
  }
  return layers
}

function asLayer(node: onnx.INodeProto): TorchLayer {
  const [, weight = '', bias = ''] = node.input ?? []
  switch (node.opType) {
    case 'Conv': {
      const pads = integers(node, 'pads')
      const half = pads.length / 2
      if (pads.slice(0, half).join() !== pads.slice(half).join())
        throw new Error('a convolution pads its sides differently')
      const [group = 1] = integers(node, 'group')
      const strides = integers(node, 'strides')
      return {
        type: 'conv',
        weight,
        bias,
        strides,
        pads: pads.slice(0, half),
        dilations: integers(node, 'dilations'),
        group,
      }
    }
    case 'MaxPool':
      if (integers(node, 'pads').some(pad => pad !== 0)) throw new Error('a max pool pads')
      return { type: 'maxPool', kernel: integers(node, 'kernel_shape'), strides: integers(node, 'strides') }
    case 'Gemm':
      if (integers(node, 'transB')[0] !== 1) throw new Error('a Gemm is no linear layer of PyTorch')
      return { type: 'linear', weight, bias }
    case 'Relu':
      return { type: 'relu' }
    case 'Flatten':
      return { type: 'flatten' }
    default:
      throw new Error(`${node.opType} is in none of the digits networks`)
  }
}

function asLayerNorm(
  [, , , , variance, , , scale, shift]: readonly onnx.INodeProto[],
  constants: ReadonlyMap<string, number>,
  initializers: ReadonlySet<string | null | undefined>,
): TorchLayer {
  const epsilon = variance?.input?.flatMap(name => constants.get(name) ?? [])[0]
  const weight = scale?.input?.find(name => initializers.has(name))
  const bias = shift?.input?.find(name => initializers.has(name))
  if (epsilon === undefined || weight === undefined || bias === undefined)
    throw new Error('a LayerNorm is not as PyTorch exports it')
  return { type: 'layerNorm', weight, bias, epsilon }
}

function integers({ attribute }: onnx.INodeProto, name: string): number[] {
  const found = attribute?.find(each => each.name === name)
  if (!found) return []
  return found.ints?.length ? found.ints.map(value => Number(String(value))) : [Number(String(found.i))]
}
