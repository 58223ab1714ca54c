import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { refusalOf } from '../support/catalogue.ts'
import { float32Tensor, int64Tensor } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { modelOf } from '../support/rich-model.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

type Network = { node: onnx.INodeProto[]; initializer: onnx.ITensorProto[] }

const filled = (name: string, dims: number[], value: number) =>
  float32Tensor(name, dims, new Array(dims.reduce((product, dim) => product * dim, 1)).fill(value))
const node = (opType: string, input: string[], output: string, attribute: onnx.IAttributeProto[] = []) => {
  return { name: `/${output}/${opType}`, opType, input, output: [output], attribute }
}

/** Two layers; whatever stands on them. */
function backbone(value: number, activation = 'Relu'): Network {
  return {
    node: [
      node('Gemm', ['x', 'body.0.weight', 'body.0.bias'], 'h0'),
      node(activation, ['h0'], 'a0'),
      node('MatMul', ['a0', 'body.1.weight'], 'h1'),
      node('Tanh', ['h1'], 'features'),
    ],
    initializer: [
      filled('body.0.weight', [4, 6], value),
      filled('body.0.bias', [6], value),
      filled('body.1.weight', [6, 3], value),
    ],
  }
}

/** A linear classifier of so many classes. */
const linear = (classes: number, value: number, hasBias = true): Network => ({
  node: [node('Gemm', ['features', 'head.weight', ...(hasBias ? ['head.bias'] : [])], 'logits')],
  initializer: [
    filled('head.weight', [3, classes], value),
    ...(hasBias ? [filled('head.bias', [classes], value)] : []),
  ],
})

/** A classifier of two layers, whose output is reshaped to a shape that depends on the classes. */
const deep = (classes: number, value: number): Network => ({
  node: [
    node('MatMul', ['features', 'head.0.weight'], 'hidden'),
    node('Relu', ['hidden'], 'bent'),
    node('MatMul', ['bent', 'head.1.weight'], 'flat'),
    node('Reshape', ['flat', 'head.shape'], 'logits'),
  ],
  initializer: [
    filled('head.0.weight', [3, 5], value),
    filled('head.1.weight', [5, classes], value),
    int64Tensor('head.shape', [3], [-1, 1, classes]),
  ],
})

function model({ node, initializer }: Network, head: Network, output = 'logits'): Uint8Array {
  const value = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } })
  const renamed = head.node.map(each => ({
    ...each,
    output: (each.output ?? []).map(name => (name === 'logits' ? output : name)),
  }))
  return modelOf({
    name: 'model',
    node: [...node, ...renamed],
    initializer: [...initializer, ...head.initializer],
    input: [value('x')],
    output: [value(output)],
  })
}

const skipHead = { rules: [{ match: 'head*', skip: true }] }

function soup(models: readonly Uint8Array[], settings: object = skipHead) {
  const { files, warnings } = soupOfIngredients(
    models.map(bytes => ({ files: { source: memorySource(bytes), data: new Map() }, weight: 1 })),
    settings,
  )
  const merged = readBytes(files.source, 0, files.source.byteLength)
  const of = (name: string) => [...new Set(new Float32Array(Uint8Array.from(initializerBytes(merged, name)).buffer))]
  return { merged, of, warnings }
}

const refusal = (models: readonly Uint8Array[], settings: object = skipHead) =>
  refusalOf(() => soup(models, settings), 'TUREEN_MODELS_DIFFER').errors.map(
    ({ message, tensor }) => `${tensor ?? ''}: ${message}`,
  )

const heads: [what: string, base: Network, other: Network][] = [
  ['of other dims', linear(2, 7), linear(5, 9)],
  ['with a bias that the other has not', linear(2, 7), linear(2, 9, false)],
  ['without the bias that the other has', linear(2, 7, false), linear(2, 9)],
  ['of more layers', deep(2, 7), linear(2, 9)],
  ['of fewer layers', linear(2, 7), deep(5, 9)],
  ['of other integers', deep(2, 7), deep(5, 9)],
]

describe("a backbone under the base's own head, which a rule skips", () => {
  test.each(heads)('%s', (_, base, other) => {
    const { merged, of, warnings } = soup([model(backbone(1), base), model(backbone(3), other)])
    expect(['body.0.weight', 'body.0.bias', 'body.1.weight'].map(of)).toEqual([[2], [2], [2]])
    expect(Buffer.compare(merged, model(backbone(2), base))).toBe(0)
    expect(warnings.join('\n')).toMatch(/head/)
  })

  test.each(heads)('is refused without such a rule: %s', (_, base, other) => {
    expect(refusal([model(backbone(1), base), model(backbone(3), other)], {})).not.toEqual([])
  })

  test('is averaged over all models, whatever heads they have', () => {
    const models = [
      model(backbone(1), linear(2, 7)),
      model(backbone(3), deep(4, 9)),
      model(backbone(8), linear(9, 5), 'scores'),
    ]
    const { of } = soup(models)
    expect(['body.0.weight', 'body.1.weight', 'head.weight'].map(of)).toEqual([[4], [4], [7]])
  })

  test('is refused where the backbones differ', () => {
    const [base, other] = [model(backbone(1), linear(2, 7)), model(backbone(3, 'Sigmoid'), linear(5, 9))]
    expect(refusal([base, other]).join('\n')).toMatch(/Sigmoid/)
  })

  test('is refused where a tensor of the head is not skipped, which is named', () => {
    const settings = { rules: [{ match: 'head.weight', skip: true }] }
    expect(refusal([model(backbone(1), linear(2, 7)), model(backbone(3), linear(5, 9))], settings)).toEqual([
      expect.stringMatching(/^head\.bias: .*skip it as well/),
    ])
  })

  test('a rule that gives weights does not carry a tensor', () => {
    const settings = { rules: [{ match: 'head*', weights: [1, 0] }] }
    expect(refusal([model(backbone(1), linear(2, 7)), model(backbone(3), linear(5, 9))], settings).join('\n')).toMatch(
      /head/,
    )
  })

  test('a rule that skips nothing that differs changes nothing', () => {
    const same = [model(backbone(1), linear(2, 7)), model(backbone(3), linear(2, 9))]
    expect(soup(same).of('head.weight')).toEqual([7])
    expect(soup(same, {}).of('head.weight')).toEqual([8])
  })
})
