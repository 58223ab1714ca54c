import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { body, branch, clip, constant, named, node, parametersOf, scalar, valuePath } from '../support/slot-models.ts'

describe('values are followed', () => {
  test.each<[string, onnx.IGraphProto, Record<string, string>]>([
    ['from a Constant', { node: [constant('c'), clip('c')] }, { [valuePath]: 'clip: min' }],
    [
      'from a Constant further down',
      { node: [clip('c'), constant('c')] },
      { 'graph.node[1].attribute[0].t': 'clip: min' },
    ],
    [
      'from value_float and value_floats',
      {
        node: [
          constant('a', { name: 'value_float', f: 1 }),
          constant('b', { name: 'value_floats', floats: [1] }),
          node('Clip', ['x', 'a', 'b']),
        ],
      },
      { 'graph.node[0].attribute[0].f': 'n: min', 'graph.node[1].attribute[0].floats': 'n: max' },
    ],
    [
      'from a sparse Constant and a sparse initializer',
      {
        node: [
          constant('a', { name: 'sparse_value', sparseTensor: { values: scalar(''), dims: [1] } }),
          node('Clip', ['x', 'a', 'b']),
        ],
        sparseInitializer: [{ values: scalar('b'), dims: [1] }],
      },
      { 'graph.node[0].attribute[0].sparse_tensor.values': 'n: min', 'graph.sparse_initializer[0].values': 'n: max' },
    ],
    [
      'through what hands values on',
      {
        node: [
          clip('d'),
          node('Identity', ['a'], ['b']),
          node('Cast', ['b'], ['c']),
          node('Concat', ['c', 'z'], ['d']),
        ],
        initializer: [scalar('a'), scalar('z'), scalar('other')],
      },
      { 'graph.initializer[0]': 'clip: min', 'graph.initializer[1]': 'clip: min' },
    ],
    [
      'not where it is used as a weight as well',
      { node: [node('MatMul', ['x', 'a'], ['z']), clip('a')], initializer: [scalar('a')], output: named('y', 'z') },
      {},
    ],
    [
      'where it is an input as well',
      { node: [clip('a')], input: named('x', 'a'), initializer: [scalar('a')] },
      { 'graph.initializer[0]': 'clip: min' },
    ],
    [
      'not through what computes',
      { node: [node('MatMul', ['a', 'a'], ['b']), clip('b')], initializer: [scalar('a')] },
      {},
    ],
    [
      'where no output depends on its other use',
      {
        node: [node('MatMul', ['x', 'a'], ['unused']), clip('a'), node('Clip', ['x', 'b'], ['dead'])],
        initializer: [scalar('a'), scalar('b')],
        output: named('y'),
      },
      { 'graph.initializer[0]': 'clip: min' },
    ],
    [
      'into a subgraph, and into one inside it',
      {
        node: [
          node('If', ['c'], ['y'], {
            attribute: [
              body('then_branch', branch(clip('a', 'out'))),
              body(
                'else_branch',
                branch(node('If', ['c'], ['out'], { attribute: [body('then_branch', branch(clip('b', 'out')))] })),
              ),
            ],
          }),
        ],
        initializer: [scalar('a'), scalar('b')],
      },
      { 'graph.initializer[0]': 'clip: min', 'graph.initializer[1]': 'clip: min' },
    ],
    [
      'not to an outer name that an inner one hides',
      {
        node: [
          node('If', ['c'], ['y'], {
            attribute: [body('then_branch', { ...branch(clip('a', 'out')), initializer: [scalar('a')] })],
          }),
        ],
        initializer: [scalar('a')],
      },
      { 'graph.node[0].attribute[0].g.initializer[0]': 'clip: min' },
    ],
    [
      'out of the branches of an If',
      {
        node: [
          node('If', ['c'], ['b'], {
            attribute: [body('then_branch', branch(constant('out'))), body('else_branch', branch(constant('out')))],
          }),
          clip('b'),
        ],
      },
      {
        'graph.node[0].attribute[0].g.node[0].attribute[0].t': 'clip: min',
        'graph.node[0].attribute[1].g.node[0].attribute[0].t': 'clip: min',
      },
    ],
    [
      'into a Loop as its state, and out of it',
      {
        node: [
          node('Loop', ['', '', 'a', 'w'], ['r', 's'], {
            attribute: [
              body('body', {
                input: named('i', 'c', 'state', 'weight'),
                node: [clip('state', 'r'), constant('k'), node('Mul', ['weight', 'r'], ['w2'])],
                output: named('c', 'k', 'w2'),
              }),
            ],
          }),
        ],
        initializer: [scalar('a'), scalar('w')],
      },
      { 'graph.initializer[0]': 'clip: min', 'graph.node[0].attribute[0].g.node[1].attribute[0].t': 'clip: min' },
    ],
    [
      'into a Scan',
      {
        node: [
          node('Scan', ['a'], ['r'], {
            attribute: [body('body', { input: named('s'), node: [clip('s', 'r')], output: named('r') })],
          }),
        ],
        initializer: [scalar('a')],
      },
      { 'graph.initializer[0]': 'clip: min' },
    ],
    [
      'to an output of the model, through Identity',
      {
        node: [constant('v'), node('Identity', ['w'], ['o']), node('Mul', ['x', 'w'])],
        initializer: [scalar('w'), scalar('z')],
        output: named('v', 'o', 'y'),
      },
      { [valuePath]: 'the output v', 'graph.initializer[0]': 'the output o' },
    ],
    [
      'to an output of the model, by the choice of an If',
      {
        node: [node('If', ['c'], ['y'], { attribute: [body('then_branch', branch(constant('out')))] })],
        output: named('y'),
      },
      { 'graph.node[0].attribute[0].g.node[0].attribute[0].t': 'the output y' },
    ],
  ])('%s', (_, graph, expected) => {
    expect(parametersOf(graph)).toEqual(expected)
  })
})

test('graphs of training see the names of the main graph', () => {
  const graph = { initializer: [scalar('a'), scalar('w')] }
  const algorithm: onnx.IGraphProto = {
    node: [clip('a'), clip('own', 'z')],
    initializer: [scalar('own'), scalar('rate')],
  }
  const updateBinding = ['y', 'z'].map(value => ({ key: 'w', value }))
  expect(parametersOf(graph, { trainingInfo: [{ algorithm, updateBinding }] })).toEqual({
    'graph.initializer[0]': 'clip: min',
    'training_info[0].algorithm.initializer[0]': 'clip: min',
  })
})
