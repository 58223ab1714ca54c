import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../../src/errors.ts'
import { differencesOf } from '../../support/inspecting.ts'
import { float32Tensor } from '../../support/onnx-model.ts'
import { conv, gemm, int, type Layer, normalisation, relu, scalar, stack, zeros } from '../../support/stacked-model.ts'

/** A small network, as others in this file differ from it. */
const plain = [
  conv('/conv1'),
  relu('/relu1'),
  conv('/conv2'),
  relu('/relu2'),
  { opType: 'Flatten', name: '/flatten' },
  gemm('/head', [32, 10]),
]

/** What is said of a model beside the base, which must be a short list. */
function said(base: Uint8Array, other: Uint8Array, most = 4): Finding[] {
  const problems = differencesOf(base, other)
  expect(problems.length).toBeGreaterThan(0)
  expect(problems.length).toBeLessThanOrEqual(most)
  for (const { message } of problems) expect(message.length).toBeLessThan(400)
  return problems
}

describe('what stands in the way of a soup is said so that someone can act on it', () => {
  test('a batch normalisation that the base has folded away', () => {
    const [conv1, ...rest] = plain
    if (!conv1) throw new Error('there is no first layer')
    const other = stack([conv1, normalisation('/bn1'), ...rest])
    const message =
      /^has BatchNormalization \/bn1 after Conv \/conv1.* where the base has none; .*folded.*export both the same way/
    expect(said(stack(plain), other)[0]).toEqual({ node: '/bn1', message: expect.stringMatching(message) })
    const back = /^has none where the base has BatchNormalization \/bn1 after Conv \/conv1.*folded/
    expect(said(other, stack(plain))[0]?.message).toMatch(back)
  })

  test('a head more', () => {
    const other = stack(plain, 13, graph => {
      graph.node.push({ name: '/second head', opType: 'Sigmoid', input: ['v4'], output: ['extra'] })
      graph.output.push({ name: 'extra', type: { tensorType: { elemType: 1 } } })
    })
    const [first, second] = said(stack(plain), other)
    expect(first?.message).toMatch(/^has 2 outputs, the base 1: more here .*Sigmoid \/second head/)
    expect(second?.message).toMatch(/^has Sigmoid \/second head after Flatten \/flatten.* where the base has none/)
    expect(said(other, stack(plain))[0]?.message).toMatch(
      /^has 1 outputs, the base 2: missing here .*Sigmoid \/second head/,
    )
  })

  test('a quantised model beside a float one', () => {
    const quantised = ['QuantizeLinear', 'DequantizeLinear'].map((opType, index): Layer => {
      return { opType, name: `/q${index}`, tensors: [scalar(`scale ${index}`, 1, 4), scalar(`zero ${index}`, 2, 1)] }
    })
    const [first] = said(stack(plain), stack([...quantised, ...plain]))
    expect(first?.message).toMatch(
      /^has QuantizeLinear \/q0 after the input x.* where the base has none; .*quantise the soup/,
    )
  })

  test('another width: every tensor with its dims and the name that it has in the base', () => {
    const renamed = plain.map(layer => ({
      ...layer,
      tensors: layer.tensors?.map(tensor => ({ ...tensor, name: `other${tensor.name}` })) ?? [],
    }))
    const wide = renamed.map((layer, index) =>
      index === 2
        ? { ...layer, tensors: [zeros('other/conv2.weight', 16, 8, 3, 3), zeros('other/conv2.bias', 16)] }
        : layer,
    )
    const problems = said(stack(plain), stack(wide))
    expect(problems.map(({ tensor }) => tensor)).toEqual(['other/conv2.weight', 'other/conv2.bias'])
    expect(problems[0]?.message).toMatch(
      /^is float32\[16, 8, 3, 3\], in the base float32\[8, 8, 3, 3\] \(\/conv2\.weight\), read by Conv \/conv2$/,
    )
  })

  test('an operator whose meaning changed between operator sets, and only where it matters', () => {
    const ending = (axis: number) => [...plain, { opType: 'Softmax', name: '/softmax', attribute: [int('axis', axis)] }]
    const [first, ...more] = said(stack(ending(1), 12), stack(ending(1), 13))
    expect(first?.node).toBe('/softmax')
    expect(first?.message).toMatch(/opset.*Softmax.*13.*export both with one opset/)
    expect(more).toEqual([])
    expect(differencesOf(stack(ending(-1), 12), stack(ending(-1), 13))).toEqual([])
    expect(differencesOf(stack(plain, 11), stack(plain, 13))).toEqual([])
  })

  test('an attribute that is another', () => {
    const strided = plain.map((layer, index) =>
      index === 2 ? { ...layer, attribute: [{ name: 'strides', type: 7, ints: [2, 2] }] } : layer,
    )
    const message = 'attribute strides: is ints [2, 2], in the base not given or its default'
    expect(said(stack(plain), stack(strided))).toEqual([{ node: '/conv2', message }])
  })

  test('a bias that the base does without', () => {
    const biased = (bias: onnx.ITensorProto[]) =>
      plain.map((layer, index) =>
        index === 2 ? { ...layer, tensors: [...(layer.tensors?.slice(0, 1) ?? []), ...bias] } : layer,
      )
    const ones = float32Tensor('/conv2.bias', [8], new Array(8).fill(1))
    const [first] = said(stack(biased([])), stack(biased([ones])))
    expect(first).toEqual({
      node: '/conv2',
      tensor: '/conv2.bias',
      message: expect.stringMatching(/^Conv adds the bias \/conv2\.bias that the base has not, and it is not all zero/),
    })
  })

  test('another operator in the middle', () => {
    const other = plain.map((layer, index) => (index === 1 ? { opType: 'Tanh', name: '/tanh1' } : layer))
    const [first, ...more] = said(stack(plain), stack(other))
    expect(first?.node).toBe('/tanh1')
    expect(first?.message).toMatch(
      /^has Tanh \/tanh1 after Conv \/conv1, before Conv \/conv2 where the base has Relu \/relu1/,
    )
    expect(first?.message).toMatch(/5 of 6 operators line up with the base's 6/)
    expect(more).toEqual([])
  })

  test('weights that are transposed', () => {
    const other = [...plain.slice(0, -1), gemm('/head', [10, 32], [int('transB', 1)])]
    const problems = said(stack(plain), stack(other))
    const all = problems.map(({ node, tensor, message }) => `${node ?? tensor} ${message}`).join('\n')
    expect(all).toMatch(
      /\/head attribute transB: is int 1, in the base not given or its default: .*transposed; export both the same way/,
    )
    expect(all).toMatch(/is float32\[10, 32\], in the base float32\[32, 10\]/)
  })

  test('two models that have nothing to do with each other', () => {
    const other = [
      gemm('/a', [4, 4]),
      { opType: 'Sigmoid', name: '/b' },
      gemm('/c', [4, 4]),
      { opType: 'Elu', name: '/d' },
    ]
    const [first] = said(stack(plain), stack(other))
    expect(first?.message).toMatch(/^has .* where the base has /)
    expect(first?.message).toMatch(/\d of 4 operators line up with the base's 6/)
  })
})
