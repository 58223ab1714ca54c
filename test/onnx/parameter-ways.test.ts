import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { elementType } from '../support/onnx-model.ts'
import { body, cast, clip, matrix, named, node, number, parameters, vector } from '../support/slot-models.ts'

const { float32, int8, int64, bool } = elementType

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
