import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { differencesOf } from '../../support/inspecting.ts'
import { elementType, float32Tensor, int64Tensor } from '../../support/onnx-model.ts'
import { encodeModel } from '../../support/rich-model.ts'
import { describeShared, sharedDirectory } from '../../support/shared.ts'
import { conv, gemm, int, type Layer, normalisation, relu, scalar, stack, zeros } from '../../support/stacked-model.ts'

const hints = {
  folded: /constant-folded or simplified/,
  precision: /converted to another precision/,
  half: /half precision inside/,
  opset: /export both with one opset/,
  norm: /batch normalisation folded/,
  decomposed: /as one operator and .* as several/,
  fused: /as Gemm where the other has MatMul and Add/,
  quantised: /one of the two is quantised/,
  optimised: /onnxruntime's optimiser/,
}

/** Which hints the differences of two models give, either way round alike, and the first message. */
function hinted(base: Uint8Array, other: Uint8Array): { given: string[]; message: string } {
  const [there, back] = [differencesOf(base, other), differencesOf(other, base)].map(problems => {
    expect(problems.length).toBeGreaterThan(0)
    const all = problems.map(({ message }) => message).join('\n')
    return Object.entries(hints).flatMap(([name, pattern]) => (pattern.test(all) ? [name] : []))
  })
  expect(back).toEqual(there)
  return { given: there ?? [], message: differencesOf(base, other)[0]?.message ?? '' }
}

const value = (name: string) => ({ name, type: { tensorType: { elemType: elementType.float32 } } })

function modelOf(node: onnx.INodeProto[], initializer: onnx.ITensorProto[] = [], version = 13): Uint8Array {
  const graph = { name: 'g', node, initializer, input: [value('x')], output: [value('y')] }
  return encodeModel({ irVersion: 8, opsetImport: [{ version }], graph })
}
const node = (opType: string, input: string[], output: string, attribute: onnx.IAttributeProto[] = []) => ({
  name: `/${opType}_${output}`,
  opType,
  input,
  output: [output],
  attribute,
})

describe('constant folding', () => {
  /** Reshapes to [batch, 4], the batch taken from the shape of x; folded, it is -1. */
  const weights = float32Tensor('W', [4, 4], Array(16).fill(1))
  const computed = modelOf(
    [
      node('Shape', ['x'], 'shape'),
      node('Gather', ['shape', 'zero'], 'batch'),
      node('Cast', ['batch'], 'cast', [int('to', elementType.int64)]),
      node('Unsqueeze', ['cast', 'axis'], 'first'),
      node('Concat', ['first', 'four'], 'target', [int('axis', 0)]),
      node('Reshape', ['x', 'target'], 'flat'),
      node('MatMul', ['flat', 'W'], 'y'),
    ],
    [weights, int64Tensor('zero', [], [0]), int64Tensor('axis', [1], [0]), int64Tensor('four', [1], [4])],
  )
  const folded = modelOf(
    [node('Reshape', ['x', 'target'], 'flat'), node('MatMul', ['flat', 'W'], 'y')],
    [weights, int64Tensor('target', [2], [-1, 4])],
  )

  test('of one file is named, with what the other has more, and its Casts are no precision', () => {
    const { given, message } = hinted(computed, folded)
    expect(given).toEqual(['folded'])
    expect(message).toMatch(/the base has more: 1 \w+, 1 \w+, 1 \w+, 1 \w+/)
  })

  test('is not what a skip connection lacks, though it is made of the same operators', () => {
    const skip = modelOf(
      [
        node('MatMul', ['x', 'W'], 'h'),
        node('Unsqueeze', ['h', 'axis'], 'u'),
        node('Squeeze', ['u', 'axis'], 's'),
        node('Concat', ['s', 'x'], 'y', [int('axis', 1)]),
      ],
      [weights, int64Tensor('axis', [1], [0])],
    )
    const plain = modelOf(
      [node('MatMul', ['x', 'W'], 'h'), node('Concat', ['h', 'x'], 'y', [int('axis', 1)])],
      [weights],
    )
    expect(hinted(skip, plain).given).toEqual([])
  })

  const plain = modelOf([node('MatMul', ['x', 'W'], 'y')], [weights])

  test('is named where a simplifier also removed the Reshape that changes no dims', () => {
    const { given, message } = hinted(computed, plain)
    expect(given).toEqual(['folded'])
    expect(message).toContain('compute shapes or constants, and in Reshape (the base has more')
  })

  test('is not what a network lacks that reshapes and transposes', () => {
    const shuffled = modelOf(
      [
        node('Shape', ['x'], 'target'),
        node('Reshape', ['x', 'target'], 'r'),
        node('Transpose', ['r'], 't', [{ name: 'perm', type: 7, ints: [1, 0] }]),
        node('MatMul', ['t', 'W'], 'y'),
      ],
      [weights],
    )
    expect(hinted(shuffled, plain).given).toEqual([])
  })

  test('of a transposed weight is one as well', () => {
    const transposed = modelOf(
      [node('Transpose', ['W'], 'T', [{ name: 'perm', type: 7, ints: [1, 0] }]), node('MatMul', ['x', 'T'], 'y')],
      [weights],
    )
    expect(hinted(transposed, modelOf([node('MatMul', ['x', 'W'], 'y')], [weights])).given).toEqual(['folded'])
  })
})

describe('operator sets', () => {
  const norm: Layer = { opType: 'LayerNormalization', tensors: [zeros('g', 8), zeros('b', 8)] }
  /** As exporters write a normalisation before opset 17, in one chain. */
  const parts: Layer[] = ['ReduceMean', 'Sqrt', 'Neg'].map(opType => ({ opType }))
  const around = (middle: Layer[]) => [gemm('/a', [8, 8]), ...middle, gemm('/z', [8, 8])]

  test('are named where one has an operator that the other does not know yet', () => {
    const { given, message } = hinted(stack(around(parts), 13), stack(around([norm]), 17))
    expect(given).toEqual(['opset'])
    expect(message).toMatch(/LayerNormalization .*since opset 17, .*model imports opset 17 and the base opset 13/)
  })

  test.each([
    ['Mish', 13, 18],
    ['HardSwish', 13, 14],
    ['Gelu', 17, 20],
    ['GroupNormalization', 17, 21],
  ])('%s, of opsets %i and %i', (opType, older, newer) => {
    const { given, message } = hinted(stack(around(parts), older), stack(around([{ opType }]), newer))
    expect(given).toEqual(['opset'])
    expect(message).toContain(`${opType} is an operator of ONNX since`)
  })

  test('are not named where both files import the same one', () => {
    expect(hinted(stack(around(parts), 17), stack(around([norm]), 17)).given).toEqual([])
  })

  test.each([
    ['LayerNormalization', ['ReduceMean', 'Sub', 'Pow', 'ReduceMean', 'Sqrt', 'Div']],
    ['Gelu', ['Erf', 'Add', 'Mul', 'Mul']],
    ['HardSwish', ['HardSigmoid', 'Mul']],
    ['Mish', ['Softplus', 'Tanh', 'Mul']],
  ])('leave %s in its parts where a converter raised one of two files', (opType, chain) => {
    const inParts = chain.map((part): Layer => ({ opType: part }))
    const { given, message } = hinted(stack(around(inParts), 20), stack(around([{ opType }]), 20))
    expect(given).toEqual(['decomposed'])
    expect(message).toContain(`this model has ${opType} as one operator and the base as several`)
    expect(hinted(stack(around([{ opType: 'Relu' }]), 20), stack(around([{ opType }]), 20)).given).toEqual([])
  })

  test('are a last guess where they differ and nothing else is known', () => {
    const { message } = hinted(stack(around(parts), 12), stack(around([relu('/r')]), 13))
    expect(message).toMatch(/the model imports opset 13 and the base opset 12, .*export both with one opset/)
  })

  const axes = int64Tensor('axes', [1], [1])
  const reduced = (opType: string, version: number, asInput: boolean) =>
    modelOf(
      [asInput ? node(opType, ['x', 'axes'], 'y') : node(opType, ['x'], 'y', [{ name: 'axes', type: 7, ints: [1] }])],
      asInput ? [axes] : [],
      version,
    )
  test.each([
    ['ReduceMean', 13, false, 18, true],
    ['ReduceSum', 12, false, 13, true],
    ['Unsqueeze', 11, false, 13, true],
  ])('%s has other inputs since an opset between %i and the other', (opType, older, before, newer, after) => {
    const { given, message } = hinted(reduced(opType, older, before), reduced(opType, newer, after))
    expect(given).toEqual(['opset'])
    expect(message).toMatch(
      new RegExp(`the inputs of ${opType} changed in opset \\d+, and the model imports opset ${newer}`),
    )
  })

  test.each([
    ['ReduceSum', 13, 13],
    ['ReduceSum', 13, 18],
    ['ReduceMean', 18, 18],
  ])('%s with and without axes, of opsets %i and %i, has not: both know the input', (opType, one, other) => {
    const without = modelOf([node(opType, ['x'], 'y')], [], one)
    const { message } = hinted(without, reduced(opType, other, true))
    expect(message).not.toContain('changed in opset')
  })

  test('nor has Resize by sizes beside Resize by scales, of one opset', () => {
    const by = (input: string[], version: number) =>
      modelOf(
        [node('Resize', input, 'y')],
        [float32Tensor('scales', [1], [2]), int64Tensor('sizes', [1], [4]), float32Tensor('roi', [0], [])],
        version,
      )
    expect(hinted(by(['x', '', 'scales'], 13), by(['x', '', '', 'sizes'], 13)).given).toEqual([])
    expect(hinted(by(['x', '', 'scales'], 11), by(['x', '', '', 'sizes'], 13)).given).toEqual([])
    expect(hinted(by(['x', 'scales'], 10), by(['x', '', '', 'sizes'], 13)).given).toEqual(['opset'])
  })
})

describe('precision', () => {
  const half = (name: string, ...dims: number[]): onnx.ITensorProto => ({
    name,
    dims,
    dataType: elementType.float16,
    rawData: new Uint8Array(2 * dims.reduce((product, dim) => product * dim, 1)),
  })
  const cast = (to: number): Layer => ({ opType: 'Cast', attribute: [int('to', to)] })
  const matmul = (weight: onnx.ITensorProto): Layer => ({ opType: 'MatMul', tensors: [weight] })

  test('another is named where the weights are of another type', () => {
    const converted = stack([cast(elementType.float16), matmul(half('W', 8, 8)), cast(elementType.float32)])
    const { given, message } = hinted(stack([matmul(zeros('W', 8, 8))]), converted)
    expect(given).toEqual(['precision'])
    expect(message).toContain('weights of float16, in the base of float32')
  })

  test('half inside is named where activations alone are cast to it', () => {
    const autocast = stack([matmul(zeros('W', 8, 8)), cast(elementType.float16), relu('/r'), cast(elementType.float32)])
    expect(hinted(stack([matmul(zeros('W', 8, 8)), relu('/r')]), autocast).given).toEqual(['half'])
  })

  test('none is named for a Cast to an integer', () => {
    const rounded = stack([matmul(zeros('W', 8, 8)), cast(elementType.int64), cast(elementType.float32)])
    expect(hinted(stack([matmul(zeros('W', 8, 8))]), rounded).given).toEqual([])
  })
})

describe('other ways of writing one network', () => {
  test('batch normalisation is folded where nothing else differs', () => {
    const plain = [conv('/c1'), relu('/r1'), conv('/c2')]
    const withNorms = [conv('/c1'), normalisation('/n1'), relu('/r1'), conv('/c2'), normalisation('/n2')]
    expect(hinted(stack(plain), stack(withNorms)).given).toEqual(['norm'])
    expect(hinted(stack(plain), stack([...withNorms, { opType: 'Sigmoid' }])).given).toEqual([])
  })

  test('linear layers are fused where as many MatMuls and Adds stand for them', () => {
    const pair = (name: string): Layer[] => [
      { opType: 'MatMul', tensors: [zeros(`${name}.W`, 8, 8)] },
      { opType: 'Add', tensors: [zeros(`${name}.b`, 8)] },
    ]
    const fused = [gemm('/a', [8, 8]), relu('/r'), gemm('/z', [8, 8])]
    const { given, message } = hinted(stack([...pair('a'), relu('/r'), ...pair('z')]), stack(fused))
    expect(given).toEqual(['fused'])
    expect(message).toContain('2 linear layers')
    expect(hinted(stack([...pair('a'), relu('/r')]), stack(fused)).given).toEqual([])
  })

  test('quantised and optimised files are named', () => {
    const plain = [conv('/c1'), relu('/r1')]
    const quantised: Layer[] = ['QuantizeLinear', 'DequantizeLinear'].map((opType, index) => {
      return {
        opType,
        tensors: [scalar(`s${index}`, elementType.float32, 4), scalar(`z${index}`, elementType.uint8, 1)],
      }
    })
    expect(hinted(stack(plain), stack([...quantised, ...plain])).given).toEqual(['quantised'])
    const optimised = [{ ...conv('/c1'), opType: 'FusedConv', domain: 'com.microsoft' }]
    const { given, message } = hinted(stack(plain), stack(optimised))
    expect(given).toEqual(['optimised'])
    expect(message).toContain('FusedConv')
  })
})

describeShared('of the shared cases', () => {
  const read = (file: string) => readFileSync(join(sharedDirectory, 'cases', file))
  test('a folded file is named as such, and one of another opset by its opset', () => {
    const base = read('rules-anonymous/a.onnx')
    expect(hinted(base, read('folded/folded.onnx')).given).toEqual(['folded'])
    const { given, message } = hinted(base, read('opset/opset17.onnx'))
    expect(given).toEqual(['opset'])
    expect(message).toMatch(/LayerNormalization .*opset 17 and the base opset 13/)
  })
})
