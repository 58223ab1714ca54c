import type { onnx } from 'onnx-proto'
import { elementType, float32Tensor } from '../onnx-model.ts'
import { encodeModel } from '../rich-model.ts'

/** Returns a valid model that has `count` of one thing. Models of two seeds are one network with different weights. */
export type MakeCostly = (count: number, seed?: number) => Uint8Array<ArrayBuffer>

export type Node = onnx.INodeProto

export const each = <Item>(count: number, item: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => item(index))

/** Returns short names: for the result of a node, and for a tensor. */
export const result = (index: number) => `v${index.toString(36)}`
export const held = (index: number) => `w${index.toString(36)}`

export const floatValue = (name: string): onnx.IValueInfoProto => ({
  name,
  type: { tensorType: { elemType: elementType.float32 } },
})

/** Returns a tensor of one element at each position. */
export const weight = (name: string, index: number, seed: number, dims: number[] = [1]): onnx.ITensorProto =>
  float32Tensor(name, dims, [(index % 97) + seed + 1])

export const weights = (count: number, seed: number, dims?: number[]) =>
  each(count, index => weight(held(index), index, seed, dims))

export const opsets = [
  { domain: '', version: 17 },
  { domain: 'f', version: 1 },
]

export function write(graph: onnx.IGraphProto, more: onnx.IModelProto = {}): Uint8Array<ArrayBuffer> {
  return encodeModel({ irVersion: 8, opsetImport: opsets, graph, ...more })
}

/** Returns a graph from x to the result of its last node. */
export function graphOf(node: Node[], more: onnx.IGraphProto = {}): onnx.IGraphProto {
  const output = node.at(-1)?.output?.[0] ?? ''
  return { name: 'g', node, input: [floatValue('x')], output: [floatValue(output)], ...more }
}

/** Returns nodes in a chain: each reads the one before it, and the other inputs from `link`. */
export function chain(count: number, link: (index: number) => Node): Node[] {
  return each(count, index => {
    const node = link(index)
    return { ...node, input: [index === 0 ? 'x' : result(index - 1), ...(node.input ?? [])], output: [result(index)] }
  })
}

/** Returns a chain that reads a tensor at each step. */
export const reading = (opType: string, count: number) => chain(count, index => ({ opType, input: [held(index)] }))

export const attribute = (name: string, value: Partial<onnx.IAttributeProto>): onnx.IAttributeProto => ({
  name,
  ...value,
})
