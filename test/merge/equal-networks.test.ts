import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { refusalOf } from '../support/catalogue.ts'
import { fingerprintOfBytes } from '../support/inspecting.ts'
import { float32Tensor, int64Tensor } from '../support/onnx-model.ts'
import { encodeModel } from '../support/rich-model.ts'
import { runModel } from '../support/run-model.ts'
import { soupInMemory } from '../support/soup.ts'

type Dim = number | string
type Part = { node: onnx.INodeProto[]; initializer?: onnx.ITensorProto[] }
/** A way to write a network; `seed` makes its weights, the same whatever the way. */
type Form = (weights: (name: string, ...dims: number[]) => onnx.ITensorProto) => Part & {
  opset?: number
  input?: Dim[]
  output?: string
}

const int = (name: string, i: number): onnx.IAttributeProto => ({ name, type: 2, i })
const float = (name: string, f: number): onnx.IAttributeProto => ({ name, type: 1, f })
const text = (name: string, s: string): onnx.IAttributeProto => ({ name, type: 3, s: Buffer.from(s) })
const zeros = (name: string, ...dims: number[]) =>
  float32Tensor(name, dims, new Array(dims.reduce((product, dim) => product * dim, 1)).fill(0))
const node = (opType: string, input: string[], output: string, attribute: onnx.IAttributeProto[] = []) => {
  return { name: `${opType} ${output}`, opType, input, output: [output], attribute }
}

function write(form: Form, seed: number): Uint8Array<ArrayBuffer> {
  const weights = (name: string, ...dims: number[]) => {
    const count = dims.reduce((product, dim) => product * dim, 1)
    // Positive, so that they can be variances as well.
    const values = Array.from(
      { length: count },
      (_, index) => 0.25 + ((index * 7 + name.length * 3 + seed * 11) % 13) / 8,
    )
    return float32Tensor(name, dims, values)
  }
  const { opset = 13, input = ['n', 3, 8, 8], output = 'y', node: nodes, initializer = [] } = form(weights)
  const dim = input.map(each => (typeof each === 'number' ? { dimValue: each } : { dimParam: each }))
  const tensorType = (shape?: onnx.ITensorShapeProto) => ({ tensorType: { elemType: 1, ...(shape ? { shape } : {}) } })
  return encodeModel({
    irVersion: 7,
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'equal',
      node: nodes,
      initializer,
      input: [{ name: 'x', type: tensorType({ dim }) }],
      output: [{ name: output, type: tensorType() }],
    },
  })
}

const run = (bytes: Uint8Array) => runModel({ source: memorySource(bytes), data: new Map() }, 3)
const soup = (...models: Uint8Array[]) => soupInMemory(models.map(bytes => ({ bytes, weight: 1 })))

const batchNorm =
  (attribute: onnx.IAttributeProto[], opset = 13): Form =>
  weights => ({
    opset,
    node: [node('BatchNormalization', ['x', 'scale', 'b', 'mean', 'var'], 'y', attribute)],
    initializer: ['scale', 'b', 'mean', 'var'].map(name => weights(name, 3)),
  })

const resize =
  (input: string[], attribute: onnx.IAttributeProto[] = [], opset = 13): Form =>
  weights => ({
    opset,
    node: [node('Conv', ['x', 'w'], 'c'), node('Resize', ['c', ...input], 'y', attribute)],
    initializer: [
      weights('w', 4, 3, 3, 3),
      float32Tensor('none', [0], []),
      int64Tensor('no sizes', [0], []),
      float32Tensor('roi', [8], [0, 0, 0, 0, 1, 1, 1, 1]),
      float32Tensor('scales', [4], [1, 1, 2, 2]),
      int64Tensor('sizes', [4], [1, 4, 12, 12]),
    ],
  })

const dropout =
  (
    attribute: onnx.IAttributeProto[] | null,
    opset: number,
    more: string[] = [],
    tensors: onnx.ITensorProto[] = [],
  ): Form =>
  weights => ({
    opset,
    node: [
      node('Conv', ['x', 'w'], 'c'),
      ...(attribute ? [node('Dropout', ['c', ...more], 'd', attribute)] : []),
      node('Relu', [attribute ? 'd' : 'c'], 'y'),
    ],
    initializer: [weights('w', 4, 3, 3, 3), ...tensors],
  })
const never: onnx.ITensorProto = { name: 'never', dims: [], dataType: 9, rawData: Uint8Array.of(0) }
const always: onnx.ITensorProto = { name: 'always', dims: [], dataType: 9, rawData: Uint8Array.of(1) }
const ratio = float32Tensor('ratio', [], [0.5])

/** A network up to [n, 72] and on, by a Flatten or by a Reshape to a shape. */
const matrix =
  (shape: number[] | null, input: Dim[] = ['n', 3, 8, 8], attribute: onnx.IAttributeProto[] = [], opset = 13): Form =>
  weights => ({
    opset,
    input,
    node: [
      node('Conv', ['x', 'w'], 'c'),
      node('Relu', ['c'], 'r'),
      node('MaxPool', ['r'], 'p', [
        { name: 'kernel_shape', type: 7, ints: [2, 2] },
        { name: 'strides', type: 7, ints: [2, 2] },
      ]),
      shape ? node('Reshape', ['p', 'shape'], 'f', attribute) : node('Flatten', ['p'], 'f', attribute),
      node('MatMul', ['f', 'm'], 'y'),
    ],
    initializer: [
      weights('w', 8, 3, 3, 3),
      weights('m', 72, 5),
      ...(shape ? [int64Tensor('shape', [shape.length], shape)] : []),
    ],
  })

/** A bias in front of some operator that stretches it, or C of Gemm. */
const biased =
  (dims: number[], opType: string, input: Dim[] = ['n', 6]): Form =>
  weights => ({
    input,
    node:
      opType === 'Gemm'
        ? [node('Gemm', ['x', 'w', 'b'], 'y')]
        : [node('MatMul', ['x', 'w'], 'p'), node(opType, ['p', 'b'], 'y')],
    initializer: [weights('w', 6, 4), float32Tensor('b', dims, [1, 2, 3, 4])],
  })

const optional =
  (
    opType: string,
    weight: number[],
    bias: ((name: string, ...dims: number[]) => onnx.ITensorProto) | null,
    width: number,
    input?: Dim[],
  ): Form =>
  weights => ({
    ...(input ? { input } : {}),
    opset: 17,
    node: [node(opType, ['x', 'w', ...(bias ? ['b'] : [])], 'y')],
    initializer: [weights('w', ...weight), ...(bias ? [bias('b', width)] : [])],
  })

const equal: [what: string, base: Form, other: Form][] = [
  ['momentum of a batch norm, opset 13', batchNorm([float('momentum', 0.9)]), batchNorm([float('momentum', 0.97)])],
  [
    'momentum of a batch norm, opset 15',
    batchNorm([], 15),
    batchNorm([float('momentum', 0.5), int('training_mode', 0)], 15),
  ],
  ['batch norms of opsets 13 and 15', batchNorm([float('momentum', 0.1)]), batchNorm([], 15)],
  ['an empty roi and none', resize(['none', 'scales']), resize(['', 'scales'])],
  ['a roi that is not read and none', resize(['roi', 'scales']), resize(['', 'scales'])],
  ['empty scales beside sizes, and none', resize(['none', 'none', 'sizes']), resize(['', '', 'sizes'])],
  ['the same in opset 11', resize(['none', 'none', 'sizes'], [], 11), resize(['roi', 'none', 'sizes'], [], 11)],
  ['a Dropout of opset 7', dropout(null, 7), dropout([float('ratio', 0.3)], 7)],
  ['a Dropout of opset 10', dropout([float('ratio', 0.3)], 10), dropout([float('ratio', 0.9)], 10)],
  ['a Dropout of opset 13', dropout(null, 13), dropout([], 13, ['ratio'], [ratio])],
  ['a Dropout that is told not to train', dropout(null, 13), dropout([], 13, ['ratio', 'never'], [ratio, never])],
  ['Flatten and Reshape to [0, -1]', matrix(null), matrix([0, -1])],
  ['Flatten and Reshape to [-1, 72]', matrix(null), matrix([-1, 72])],
  ['Flatten and Reshape to [1, -1]', matrix(null, [1, 3, 8, 8]), matrix([1, -1], [1, 3, 8, 8])],
  ['Reshape to [0, -1] and to [-1, 72]', matrix([0, -1]), matrix([-1, 72])],
  ['C of Gemm of [4] and [1, 4]', biased([4], 'Gemm'), biased([1, 4], 'Gemm')],
  ['a weight of [4] and [1, 4] that is added to a matrix', biased([4], 'Add'), biased([1, 4], 'Add')],
  [
    'a weight of [4] and [1, 1, 4] that scales a stack',
    biased([4], 'Mul', ['n', 2, 6]),
    biased([1, 1, 4], 'Mul', ['n', 2, 6]),
  ],
  [
    'no bias of Conv and one of zeros',
    optional('Conv', [4, 3, 3, 3], null, 4),
    optional('Conv', [4, 3, 3, 3], zeros, 4),
  ],
  [
    'no bias of ConvTranspose and one of zeros',
    optional('ConvTranspose', [3, 4, 2, 2], null, 4),
    optional('ConvTranspose', [3, 4, 2, 2], zeros, 4),
  ],
  [
    'no C of Gemm and one of zeros',
    optional('Gemm', [6, 4], null, 4, ['n', 6]),
    optional('Gemm', [6, 4], zeros, 4, ['n', 6]),
  ],
  [
    'no bias of LayerNormalization and one of zeros',
    optional('LayerNormalization', [8], null, 8),
    optional('LayerNormalization', [8], zeros, 8),
  ],
]

describe('two ways to write one network', () => {
  test.each(equal)('%s', async (_, base, other) => {
    const [here, there] = [write(base, 1), write(other, 2)]
    // onnxruntime computes the same by both, which is what makes them one network.
    const [as, written] = await Promise.all([run(write(base, 2)), run(there)])
    expect(written).toEqual(as)
    expect(as).toHaveProperty('outputs')
    expect(fingerprintOfBytes(there)).toBe(fingerprintOfBytes(here))
    expect(soup(here, there).equals(soup(here, write(base, 2)))).toBe(true)
    expect(soup(there, here).equals(soup(there, write(other, 1)))).toBe(true)
  })

  test('a number of no dims and one of a single dim are averaged where they differ', () => {
    const scaled = (dims: number[], factor: number) =>
      write(
        () => ({
          node: [
            {
              opType: 'Constant',
              output: ['k'],
              attribute: [{ name: 'value', type: 4, t: float32Tensor('', dims, [factor]) }],
            },
            node('Mul', ['x', 'k'], 'y'),
          ],
        }),
        1,
      )
    expect(soup(scaled([], 2), scaled([1], 6)).equals(scaled([], 4))).toBe(true)
    expect(soup(scaled([1], 6), scaled([], 2)).equals(scaled([1], 4))).toBe(true)
  })

  test('a bias of zeros is averaged with those of models that have one, and with zeros for those that have none', () => {
    const conv = (bias: Parameters<typeof optional>[2]) => write(optional('Conv', [4, 3, 3, 3], bias, 4), 1)
    const sixes = conv((name, ...dims) => float32Tensor(name, dims, [6, 6, 6, 6]))
    const models = [conv(zeros), conv(null), sixes]
    expect(soup(...models).equals(conv((name, ...dims) => float32Tensor(name, dims, [2, 2, 2, 2])))).toBe(true)
    expect(refusalOf(() => soup(conv(null), sixes), 'TUREEN_MODELS_DIFFER').errors[0]?.message).toMatch(
      /the bias b that the base has not/,
    )
    expect(refusalOf(() => soup(sixes, conv(null)), 'TUREEN_MODELS_DIFFER').errors[0]?.message).toMatch(
      /the bias b that this model has not/,
    )
  })
})

const minusRoi = [text('coordinate_transformation_mode', 'tf_crop_and_resize')]

const different: [what: string, base: Form, other: Form, message: RegExp][] = [
  ['epsilon of a batch norm', batchNorm([]), batchNorm([float('epsilon', 0.1)]), /epsilon/],
  [
    'a batch norm that trains',
    batchNorm([], 15),
    weights => {
      const part = batchNorm([int('training_mode', 1), float('momentum', 0.5)], 15)(weights)
      return { ...part, node: part.node.map(each => ({ ...each, output: ['y', 'running mean', 'running var'] })) }
    },
    /outputs|training_mode/,
  ],
  ['a roi that is read', resize(['roi', 'scales'], minusRoi), resize(['none', 'scales'], minusRoi), /float32\[0\]/],
  [
    'empty sizes beside scales, which fail, and none',
    resize(['', 'scales', 'no sizes']),
    resize(['', 'scales']),
    /inputs/,
  ],
  ['scales and sizes', resize(['', 'scales']), resize(['', '', 'sizes']), /inputs/],
  ['a Dropout that trains', dropout(null, 13), dropout([], 13, ['ratio', 'always'], [ratio, always]), /Dropout/],
  ['a Dropout before opset 7 that drops', dropout(null, 6), dropout([], 6), /Dropout/],
  [
    'Flatten and a Reshape whose columns are not known',
    matrix(null, ['n', 3, 'h', 8]),
    matrix([-1, 72], ['n', 3, 'h', 8]),
    /Reshape to \[-1, 72\], in the base Flatten.* dimension 2 of what it reads, which is not known/,
  ],
  [
    'Flatten and a Reshape whose rows are not known',
    matrix(null),
    matrix([2, -1]),
    /dimension 0 of what it reads, which is not known and must be 2/,
  ],
  [
    'Flatten and a Reshape to other columns',
    matrix(null, [2, 3, 8, 8]),
    matrix([-1, 36], [2, 3, 8, 8]),
    /which is 72 and not 36/,
  ],
  ['Flatten along another axis', matrix([0, -1]), matrix(null, undefined, [int('axis', 2)]), /Flatten|Reshape/],
  [
    '[0, -1] where zero is a size',
    matrix(null, undefined, [], 14),
    matrix([0, -1], undefined, [int('allowzero', 1)], 14),
    /Flatten|Reshape/,
  ],
  [
    '[4] and [1, 4] where the rank is not known',
    () => ({
      input: [],
      node: [node('Identity', ['x'], 'i'), node('Add', ['i', 'b'], 'y')],
      initializer: [float32Tensor('b', [4], [1, 2, 3, 4])],
    }),
    () => ({
      input: [],
      node: [node('Add', ['x', 'b'], 'y')],
      initializer: [float32Tensor('b', [1, 4], [1, 2, 3, 4])],
    }),
    /2 dimensions or more/,
  ],
  ['[4] and [4, 1]', biased([4], 'Add'), biased([4, 1], 'Add'), /float32\[4, 1\]/],
]

describe('two networks that are not the same', () => {
  test('batches of one and of two samples that Reshapes fix', () => {
    const [one, two] = [1, 2].map(batch => write(matrix([batch, -1], [batch, 3, 8, 8]), 1))
    if (!one || !two) throw new Error('two models')
    expect(refusalOf(() => soup(one, two), 'TUREEN_NON_FLOAT_DIFFERS').errors[0]?.message).toMatch(
      /\[2, -1\].*\[1, -1\]/,
    )
    refusalOf(() => soup(two, one), 'TUREEN_NON_FLOAT_DIFFERS')
  })

  test.each(different)('%s', (_, base, other, message) => {
    const [here, there] = [write(base, 1), write(other, 1)]
    const { errors } = refusalOf(() => soup(here, there), 'TUREEN_MODELS_DIFFER')
    expect(errors.map(each => each.message)).toContainEqual(expect.stringMatching(message))
    refusalOf(() => soup(there, here), 'TUREEN_MODELS_DIFFER')
  })
})
