import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { elementType, float32Tensor } from '../support/onnx-model.ts'
import { body, branch, clip, constant, named, node, parametersOf, scalar } from '../support/slot-models.ts'

const number = (name: string) => float32Tensor(name, [], [1])
const vector = (name: string, elements = 2) => float32Tensor(name, [elements], Array(elements).fill(1))
const matrix = (name: string) => float32Tensor(name, [3, 4], Array(12).fill(1))
const bytes = (name: string, dims: number[], dataType: number): onnx.ITensorProto => ({
  name,
  dims,
  dataType,
  rawData: new Uint8Array(dims.reduce((product, dim) => product * dim, 1)),
})
const cast = (input: string, output: string, to: number) =>
  node('Cast', [input], [output], { name: 'cast', attribute: [{ name: 'to', type: 2, i: to }] })
const { float32, int8, uint8, int64, bool } = elementType

/** The float parameters of a graph by their names. */
function parameters(graph: onnx.IGraphProto): Record<string, string> {
  const input = graph.input ?? named('x')
  const nameOf = (path: string) =>
    graph.initializer?.[Number(/^graph\.initializer\[(\d+)/.exec(path)?.[1])]?.name ?? path
  return Object.fromEntries(Object.entries(parametersOf({ ...graph, input })).map(([path, use]) => [nameOf(path), use]))
}

describe('a float whose every way ends in a slot, an integer or a shape is a parameter', () => {
  test.each<[string, onnx.INodeProto[], onnx.ITensorProto[], Record<string, string>]>([
    [
      'a scale factor that becomes the sizes of a Resize',
      [
        node('Shape', ['x'], ['dims']),
        cast('dims', 'floats', float32),
        node('Mul', ['floats', 'w'], ['scaled']),
        node('Floor', ['scaled'], ['floor']),
        cast('floor', 'sizes', int64),
        node('Concat', ['batch', 'sizes'], ['all']),
        node('Resize', ['x', '', '', 'all']),
      ],
      [number('w')],
      { w: 'cast: rounded' },
    ],
    [
      'the smaller of two scale factors',
      [
        node('Shape', ['x'], ['dims']),
        cast('dims', 'floats', float32),
        node('ReduceMin', ['floats'], ['short']),
        node('Div', ['w', 'short'], ['one']),
        node('Min', ['one', 'v'], ['both']),
        node('ReduceMax', ['both'], ['scale']),
        node('Resize', ['x', '', 'scale'], ['y']),
      ],
      [vector('w'), vector('v')],
      { w: 'n: scales', v: 'n: scales' },
    ],
    [
      'a bound of Clip behind Mul',
      [node('Mul', ['w', 'v'], ['m']), clip('m')],
      [number('w'), vector('v', 1)],
      {
        w: 'clip: min',
        v: 'clip: min',
      },
    ],
    [
      'a bound that is a share of the largest element',
      [node('ReduceMax', ['x'], ['most']), node('Mul', ['most', 'w'], ['m']), clip('m')],
      [vector('w', 1)],
      { w: 'clip: min' },
    ],
    [
      'a threshold behind Sigmoid and Unsqueeze',
      [
        node('Sigmoid', ['w'], ['s']),
        node('Unsqueeze', ['s', 'axes'], ['u']),
        node('NonMaxSuppression', ['b', 'x', 'm', 'i', 'u']),
      ],
      [number('w')],
      { w: 'n: score_threshold' },
    ],
    [
      'what Pad fills with, negated',
      [node('Neg', ['w'], ['v']), node('Pad', ['x', 'p', 'v'])],
      [number('w')],
      {
        w: 'n: constant_value',
      },
    ],
    [
      'a step of Range, chosen',
      [node('Where', ['c', 'w', 'v'], ['d']), node('Range', ['0', '1', 'd'])],
      [number('w')],
      {
        w: 'n: delta',
      },
    ],
    [
      'a mask that is cast to bool',
      [cast('w', 'mask', bool), node('Where', ['mask', 'x', 'z'])],
      [matrix('w')],
      {
        w: 'cast: rounded',
      },
    ],
    [
      'a Cast of version 1, which names its type',
      [
        node('Cast', ['w'], ['i'], { name: 'cast', attribute: [{ name: 'to', type: 3, s: Buffer.from('INT64') }] }),
        node('Expand', ['x', 'i']),
      ],
      [vector('w')],
      { w: 'cast: rounded' },
    ],
    [
      'a threshold that the results of a layer are compared with',
      [node('MatMul', ['x', 'w'], ['z']), node('Greater', ['z', 't'], ['y'], { name: 'more' })],
      [matrix('w'), vector('t')],
      { t: 'more: rounded' },
    ],
    [
      'a single number beside the results of a layer that are rounded',
      [node('MatMul', ['x', 'w'], ['z']), node('Mul', ['z', 's'], ['scaled']), cast('scaled', 'y', int64)],
      [matrix('w'), number('s')],
      { s: 'cast: rounded' },
    ],
    [
      'state of a Scan',
      [
        node('Scan', ['w', 'x'], ['last', 'y'], {
          attribute: [
            { name: 'num_scan_inputs', type: 2, i: 1 },
            body('body', {
              input: named('state', 'each'),
              node: [node('Add', ['state', 'v'], ['next']), node('Clip', ['each', 'state'], ['out'], { name: 'clip' })],
              output: named('next', 'out'),
            }),
          ],
        }),
        node('Relu', ['y'], ['z']),
      ],
      [number('w'), number('v')],
      { w: 'clip: min', v: 'clip: min' },
    ],
  ])('%s', (_, nodes, initializer, expected) => {
    const output = nodes.some(({ opType }) => opType === 'Scan') ? { output: named('z') } : {}
    expect(parameters({ node: nodes, initializer, ...output })).toEqual(expected)
  })
})

describe('a float that the network computes with is a weight', () => {
  test.each<[string, onnx.INodeProto[], onnx.ITensorProto[]]>([
    ['a scale of an activation', [node('Relu', ['x'], ['z']), node('Mul', ['z', 'w'])], [vector('w')]],
    [
      'a bias of a layer whose results are rounded',
      [
        node('MatMul', ['x', 'w'], ['z']),
        node('Add', ['z', 'b'], ['s']),
        node('Round', ['s'], ['r']),
        cast('r', 'y', int64),
      ],
      [matrix('w'), vector('b', 1)],
    ],
    [
      'a bias of a layer whose results are compared',
      [node('MatMul', ['x', 'w'], ['z']), node('Add', ['z', 'b'], ['s']), node('Greater', ['s', 'zero'])],
      [matrix('w'), vector('b')],
    ],
    [
      'the factors of a weighted sum that is rounded',
      [
        node('Mul', ['x', 'w'], ['z']),
        node('ReduceSum', ['z'], ['s']),
        node('Add', ['s', 'b'], ['t']),
        cast('t', 'y', int64),
      ],
      [vector('w'), vector('b', 1)],
    ],
    ['what goes through a Cast to 8 bits', [cast('w', 'q', int8), node('MatMulInteger', ['x', 'q'])], [matrix('w')]],
    [
      'what a slot and a layer read',
      [node('Mul', ['w', 'w'], ['m']), clip('m', 'z'), node('MatMul', ['z', 'w'])],
      [matrix('w')],
    ],
    ['what a graph of training takes over, and Shape reads', [node('Shape', ['w'])], [matrix('w')]],
  ])('%s', (_, nodes, initializer) => {
    expect(parameters({ node: nodes, initializer })).toEqual({})
  })
})

describe('scales of quantised values are parameters', () => {
  const quantise = node('DynamicQuantizeLinear', ['x'], ['q', 'sx', 'zx'])
  const product = [quantise, node('MatMulInteger', ['q', 'k', 'zx'], ['p']), cast('p', 'f', float32)]
  const multiply = (inputs: string[], output: string) => node('Mul', inputs, [output], { name: output })
  test.each<[string, onnx.INodeProto[], onnx.ITensorProto[], Record<string, string>]>([
    [
      'both scales first, and a bias',
      [...product, multiply(['w', 'sx'], 's'), multiply(['f', 's'], 'm'), node('Add', ['m', 'b'])],
      [number('w'), vector('b')],
      { w: 's: scale' },
    ],
    [
      'one scale after the other, the second for each channel',
      [...product, multiply(['sx', 'f'], 's'), node('Unsqueeze', ['w', 'a'], ['u']), multiply(['u', 's'], 'm')],
      [vector('w')],
      { w: 'm: scale' },
    ],
    [
      'of a convolution of integers',
      [
        quantise,
        node('ConvInteger', ['q', 'k', 'zx'], ['p']),
        cast('p', 'f', float32),
        cast('w', 'h', elementType.float16),
        cast('h', 'g', float32),
        multiply(['sx', 'g'], 's'),
        multiply(['f', 's'], 'm'),
        node('Add', ['m', 'b']),
      ],
      [vector('w'), vector('b')],
      { w: 's: scale' },
    ],
    [
      'not the bias of a gate that multiplies such a product',
      [
        ...product,
        multiply(['f', 'sx'], 's'),
        node('Add', ['s', 'b'], ['g']),
        node('Sigmoid', ['g'], ['o']),
        multiply(['o', 's'], 'm'),
      ],
      [vector('b')],
      {},
    ],
    [
      'of weights that are held as integers and scaled by plain arithmetic',
      [
        cast('k', 'f', float32),
        node('Sub', ['f', 'z'], ['c'], { name: 'zero' }),
        multiply(['c', 'w'], 'm'),
        node('MatMul', ['x', 'm']),
      ],
      [bytes('k', [3, 4], int8), vector('w', 4), vector('z', 4)],
      { w: 'm: scale', z: 'zero: scale' },
    ],
    [
      'of products with weights of 8 bits that are scaled behind the product, whatever follows',
      [
        cast('k', 'f', float32),
        node('Transpose', ['f'], ['t']),
        node('MatMul', ['x', 't'], ['p']),
        multiply(['p', 'w'], 's'),
        node('Add', ['s', 'b'], ['h']),
        multiply(['h', 'g'], 'out'),
      ],
      [bytes('k', [4, 3], int8), vector('w', 4), vector('b', 4), vector('g', 4)],
      { w: 's: scale' },
    ],
    [
      'of a convolution with such weights, but not the gain that follows',
      [
        cast('k', 'f', float32),
        node('Conv', ['x', 'f'], ['p']),
        multiply(['p', 'w'], 's'),
        multiply(['s', 'g'], 'out'),
      ],
      [bytes('k', [4, 4, 3, 3], int8), vector('w', 4), vector('g', 4)],
      { w: 's: scale' },
    ],
    [
      'of a table of such weights, scaled behind the look-up',
      [node('Gather', ['k', 'x'], ['e']), cast('e', 'f', float32), multiply(['f', 'w'], 'out')],
      [bytes('k', [9, 4], int8), vector('w', 4)],
      { w: 'out: scale' },
    ],
    [
      'not what is taken off such a product, and no gain behind an activation',
      [
        cast('k', 'f', float32),
        node('MatMul', ['x', 'f'], ['p']),
        node('Sub', ['p', 'b'], ['d']),
        node('Relu', ['d'], ['r']),
        multiply(['r', 'g'], 'out'),
      ],
      [bytes('k', [3, 4], int8), vector('b', 4), vector('g', 4)],
      {},
    ],
    [
      'not weights under a mask of bytes',
      [cast('k', 'f', float32), multiply(['f', 'w'], 'm'), node('MatMul', ['x', 'm'])],
      [bytes('k', [3, 4], uint8), matrix('w')],
      {},
    ],
    [
      'not the gain behind a table of such weights',
      [
        cast('k', 'f', float32),
        multiply(['f', 'w'], 'm'),
        node('Gather', ['m', 'x'], ['e']),
        multiply(['e', 'g'], 'out'),
      ],
      [bytes('k', [3, 4], int8), vector('w', 1), vector('g', 4)],
      { w: 'm: scale' },
    ],
  ])('%s', (_, nodes, initializer, expected) => {
    expect(parameters({ node: nodes, initializer })).toEqual(expected)
  })
})

describe('numbers that a model puts out', () => {
  const layer = node('MatMul', ['x', 'w'], ['z'])
  test.each<[string, onnx.IGraphProto, Record<string, string>]>([
    [
      'of any size',
      { node: [layer], initializer: [matrix('w'), matrix('n')], output: named('z', 'n') },
      { n: 'the output n' },
    ],
    [
      'with other dims',
      {
        node: [layer, node('Reshape', ['n', 's'], ['r']), cast('r', 'out', elementType.float64)],
        initializer: [matrix('w'), vector('n', 1)],
        output: named('z', 'out'),
      },
      { n: 'the output out' },
    ],
    [
      'although the model computes with it',
      { node: [node('Mul', ['x', 'n'], ['z'])], initializer: [vector('n', 1)], output: named('z', 'n') },
      { n: 'the output n' },
    ],
    [
      'but not a large tensor that it computes with',
      { node: [layer], initializer: [matrix('w')], output: named('z', 'w') },
      {},
    ],
    ['nor a tensor that it turns', { node: [node('Transpose', ['n'])], initializer: [vector('n')] }, {}],
    [
      'nor the initializers of a file without operators, of which Constants are numbers all the same',
      { node: [constant('c')], initializer: [vector('n'), matrix('w')], output: named('n', 'w', 'c') },
      { 'graph.node[0].attribute[0].t': 'the output c' },
    ],
    [
      'from both branches of an If',
      {
        node: [
          node('If', ['c'], ['y'], {
            attribute: [body('then_branch', branch(constant('out'))), body('else_branch', { output: named('n') })],
          }),
        ],
        initializer: [scalar('n')],
      },
      { n: 'the output y', 'graph.node[0].attribute[0].g.node[0].attribute[0].t': 'the output y' },
    ],
  ])('%s', (_, graph, expected) => {
    expect(parameters(graph)).toEqual(expected)
  })
})
