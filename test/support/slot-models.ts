import type { onnx } from 'onnx-proto'
import { networkOfBytes } from './inspecting.ts'
import { float32Tensor } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

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

/** Returns the float parameters of a model, each path with its operand. A graph without outputs outputs the values that no node reads. */
export function parametersOf(graph: onnx.IGraphProto, more: onnx.IModelProto = {}): Record<string, string> {
  const { leaves, annotated } = networkOfBytes(
    encodeModel({
      irVersion: 8,
      opsetImport: [{ version: 18 }],
      graph: { ...graph, output: graph.output ?? named(...unread(graph)) },
      ...more,
    }),
  )
  const entries = [...leaves, ...annotated.keys()].flatMap(({ isWeight, tensor, use }): [string, string][] => {
    if (isWeight || !tensor || !use) return []
    const { kind, node } = use
    if (kind === 'output') return [[tensor.path, `the output ${use.output}`]]
    return [[tensor.path, [node, kind === 'slot' ? use.slot : kind].filter(each => each !== null).join(': ')]]
  })
  return Object.fromEntries(entries.sort())
}

/** Returns the outputs of nodes that no other node reads, without those of Constants. */
function unread({ node: nodes }: onnx.IGraphProto): string[] {
  const read = new Set(nodes?.flatMap(({ input }) => input ?? []))
  const made = nodes?.filter(({ opType }) => opType !== 'Constant').flatMap(({ output }) => output ?? [])
  return [...new Set(made)].filter(name => !read.has(name))
}

/** Returns the parameters among 18 initializers, one for each input of the operator. */
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

export const number = (name: string) => float32Tensor(name, [], [1])
export const vector = (name: string, elements = 2) => float32Tensor(name, [elements], Array(elements).fill(1))
export const matrix = (name: string) => float32Tensor(name, [3, 4], Array(12).fill(1))
export const bytes = (name: string, dims: number[], dataType: number): onnx.ITensorProto => ({
  name,
  dims,
  dataType,
  rawData: new Uint8Array(dims.reduce((product, dim) => product * dim, 1)),
})
export const cast = (input: string, output: string, to: number) =>
  node('Cast', [input], [output], { name: 'cast', attribute: [{ name: 'to', type: 2, i: to }] })

/** Returns the float parameters of a graph by their names. */
export function parameters(graph: onnx.IGraphProto): Record<string, string> {
  const input = graph.input ?? named('x')
  const nameOf = (path: string) =>
    graph.initializer?.[Number(/^graph\.initializer\[(\d+)/.exec(path)?.[1])]?.name ?? path
  return Object.fromEntries(Object.entries(parametersOf({ ...graph, input })).map(([path, use]) => [nameOf(path), use]))
}
