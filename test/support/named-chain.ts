import type { onnx } from 'onnx-proto'
import { float32Tensor, linearModel } from './onnx-model.ts'

/** A matrix of a chain: its name, that of the MatMul that reads it, and those of its bias and of the Add. */
export type ChainLink = { weight: string; node?: string; bias?: string; add?: string }

/** Returns a model that multiplies its input by 2 x 2 matrices in turn. Each element is `value`. */
export function namedChain(
  links: readonly ChainLink[],
  value: number,
  change: (
    model: onnx.IModelProto & { graph: onnx.IGraphProto & { node: onnx.INodeProto[] } },
    value: number,
  ) => void = () => {},
): Uint8Array<ArrayBuffer> {
  return linearModel([1, 0, 0, 1], [0, 0], model => {
    const { graph } = model
    graph.initializer = links.flatMap(({ weight, bias }) => [
      float32Tensor(weight, [2, 2], [value, value, value, value]),
      ...(bias ? [float32Tensor(bias, [2], [value, value])] : []),
    ])
    const node: onnx.INodeProto[] = []
    for (const [index, { weight, node: name = '', bias, add = '' }] of links.entries()) {
      const input = index === 0 ? 'x' : `v${index}`
      const output = index === links.length - 1 ? 'y' : `v${index + 1}`
      node.push({ name, opType: 'MatMul', input: [input, weight], output: [bias ? `product${index}` : output] })
      if (bias) node.push({ name: add, opType: 'Add', input: [`product${index}`, bias], output: [output] })
    }
    change(Object.assign(model, { graph: Object.assign(graph, { node }) }), value)
  })
}
