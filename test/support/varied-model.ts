import type { onnx } from 'onnx-proto'
import { elementType, float32Tensor, int64Tensor, linearModel } from './onnx-model.ts'

/** ONNX's attribute type codes that tests use. */
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, ints: 7 } as const

export type Graph = onnx.IGraphProto & {
  node: onnx.INodeProto[]
  initializer: onnx.ITensorProto[]
  input: onnx.IValueInfoProto[]
  output: onnx.IValueInfoProto[]
}
export type Model = onnx.IModelProto & { graph: Graph }

/**
 * Returns y = reshape(mix(leakyRelu(x W + b), ...), shape). It has everything in which two models may differ: nodes with attributes,
 * Constant nodes, an If with subgraphs, and initializers of types that are never averaged. y depends on all of it.
 */
export function variedModel(change: (model: Model) => void = () => {}, scale = 1): Uint8Array<ArrayBuffer> {
  const weights = [1, 2, 3, 4].map(value => value * scale)
  return linearModel(weights, [5 * scale, 6 * scale], model => {
    const { graph } = model
    graph.node = [
      { name: 'multiply', opType: 'MatMul', input: ['x', 'W'], output: ['product'] },
      { name: 'add', opType: 'Add', input: ['product', 'b'], output: ['sum'] },
      { name: 'leaky', opType: 'LeakyRelu', input: ['sum'], output: ['bent'], attribute: [float('alpha', 0.125)] },
      { name: 'axis', opType: 'Constant', output: ['axis'], attribute: [tensor(int64Tensor('', [1], [1]))] },
      { name: 'half', opType: 'Constant', output: ['half'], attribute: [tensor(float32Tensor('', [1], [0.5]))] },
      {
        name: 'choose',
        opType: 'If',
        input: ['flag'],
        output: ['chosen'],
        attribute: [graphOf('Relu'), graphOf('Abs')],
      },
      {
        name: 'mix',
        opType: 'Mix',
        domain: 'tests',
        input: ['bent', 'chosen', 'axis', 'half', 'words', 'quantised'],
        output: ['mixed'],
      },
      { name: 'reshape', opType: 'Reshape', input: ['mixed', 'shape'], output: ['y'] },
    ]
    graph.initializer = [
      ...(graph.initializer ?? []),
      int64Tensor('shape', [2], [-1, 2]),
      { name: 'flag', dims: [], dataType: elementType.bool, rawData: Uint8Array.of(1) },
      { name: 'words', dims: [2], dataType: elementType.string, stringData: [Buffer.from('ab'), Buffer.from('cd')] },
      { name: 'quantised', dims: [4], dataType: elementType.int8, rawData: Uint8Array.of(1, 2, 3, 4) },
    ]
    model.opsetImport?.push({ domain: 'tests', version: 1 })
    change(model as Model)
  })
}

export function float(name: string, f: number): onnx.IAttributeProto {
  return { name, f, type: attributeType.float }
}

export function tensor(t: onnx.ITensorProto, name = 'value'): onnx.IAttributeProto {
  return { name, t, type: attributeType.tensor }
}

function graphOf(opType: string): onnx.IAttributeProto {
  const node = [{ name: `${opType} inside`, opType, input: ['bent'], output: ['out'] }]
  return { name: `${opType}-branch`, type: attributeType.graph, g: { name: opType, node, output: [{ name: 'out' }] } }
}

/** Returns the item of a list with a name, for a change. */
export function named<Item extends { name?: string | null }>(items: readonly Item[], name: string): Item {
  const item = items.find(each => each.name === name)
  if (!item) throw new Error(`there is no ${name}`)
  return item
}
