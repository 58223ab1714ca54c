import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { elementType } from '../support/onnx-model.ts'
import {
  body,
  branch,
  bytes,
  cast,
  constant,
  matrix,
  named,
  node,
  number,
  parameters,
  scalar,
  vector,
} from '../support/slot-models.ts'

const { float32, int8, uint8 } = elementType

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
