import { float32Tensor } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

/** Names that an exporter gives to the tensors and nodes of a model of blocks. Null: a node without a name. */
export type Naming = {
  weight(block: number): string
  bias(block: number): string
  multiply(block: number): string | null
  add(block: number): string | null
  head: { weight: string; multiply: string | null }
}

/** Names that torch gives to modules that the model itself calls. */
export const torchNames: Naming = {
  weight: block => `layers.${block}.linear.weight`,
  bias: block => `layers.${block}.linear.bias`,
  multiply: block => `/layers.${block}/linear/MatMul`,
  add: block => `/layers.${block}/linear/Add`,
  head: { weight: 'head.weight', multiply: '/head/MatMul' },
}

/**
 * Returns a model of blocks with a residual path: h = x + embed.weight; for each block h = h + (h W + b); y = (h W) + head.bias. All
 * elements of all tensors are `value`.
 */
export function blockModel(value: number, blocks: number, names: Partial<Naming> = {}): Uint8Array<ArrayBuffer> {
  const { weight, bias, multiply, add, head } = { ...torchNames, ...names }
  const tensor = (name: string, dims: number[]) =>
    float32Tensor(
      name,
      dims,
      Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => value),
    )
  const node = (name: string | null, opType: string, input: string[], output: string) => ({
    name: name ?? '',
    opType,
    input,
    output: [output],
  })
  const all = Array.from({ length: blocks }, (_, index) => index)
  const graph = {
    name: 'blocks',
    node: [
      node('/embed/Add', 'Add', ['x', 'embed.weight'], 'h0'),
      ...all.flatMap(block => [
        node(multiply(block), 'MatMul', [`h${block}`, weight(block)], `product${block}`),
        node(add(block), 'Add', [`product${block}`, bias(block)], `sum${block}`),
        node(null, 'Add', [`h${block}`, `sum${block}`], `h${block + 1}`),
      ]),
      node(head.multiply, 'MatMul', [`h${blocks}`, head.weight], 'product'),
      node('/head/Add', 'Add', ['product', 'head.bias'], 'y'),
    ],
    initializer: [
      tensor('embed.weight', [2]),
      ...all.flatMap(block => [tensor(weight(block), [2, 2]), tensor(bias(block), [2])]),
      tensor(head.weight, [2, 2]),
      tensor('head.bias', [2]),
    ],
    input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }, { dimValue: 2 }] } } } }],
    output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }],
  }
  return Uint8Array.from(encodeModel({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph }))
}
