import onnxProto, { type onnx } from 'onnx-proto'
import { parameterSlots } from '../../src/onnx/parameter-slots.ts'
import { float32Tensor } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

const { ModelProto } = onnxProto.onnx

export const scalar = (name: string) => float32Tensor(name, [1], [1])
export const node = (
  opType: string,
  input: string[],
  output: string[] = ['y'],
  more: onnx.INodeProto = {},
): onnx.INodeProto => ({
  name: 'n',
  opType,
  input,
  output,
  ...more,
})
export const constant = (
  output: string,
  attribute: onnx.IAttributeProto = { name: 'value', t: scalar('') },
): onnx.INodeProto => node('Constant', [], [output], { name: `make ${output}`, attribute: [attribute] })
export const clip = (min: string, output = 'y') => node('Clip', ['x', min], [output], { name: 'clip' })
export const named = (...names: string[]) => names.map(name => ({ name }))

/** The parameters of a model, each path with the node and slot that it is one of. */
export function parametersOf(graph: onnx.IGraphProto, more: onnx.IModelProto = {}): Record<string, string> {
  const model = encodeModel({ irVersion: 8, opsetImport: [{ version: 18 }], graph, ...more })
  const entries = [...parameterSlots(ModelProto.decode(model))].map(([path, { node, slot }]): [string, string] => [
    path,
    node === undefined ? slot : `${node}: ${slot}`,
  ])
  return Object.fromEntries(entries.sort())
}

/** Which of 18 initializers, one for each input of the operator, are parameters. */
export function inputsThatAreParameters(opType: string, domain = ''): number[] {
  const names = Array.from({ length: 18 }, (_, index) => `i${index}`)
  const found = parametersOf({
    node: [node(opType, names, ['y'], { domain })],
    initializer: names.map(scalar),
  })
  return Object.keys(found)
    .map(path => Number(/\d+/.exec(path)?.[0]))
    .sort((a, b) => a - b)
}

export const valuePath = 'graph.node[0].attribute[0].t'
export const branch = (...nodes: onnx.INodeProto[]): onnx.IGraphProto => ({ node: nodes, output: named('out') })
export const body = (name: string, g: onnx.IGraphProto): onnx.IAttributeProto => ({ name, g })
