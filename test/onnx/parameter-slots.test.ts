import onnxProto, { type onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { parameterSlots } from '../../src/onnx/parameter-slots.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { encodeModel } from '../support/rich-model.ts'

const { ModelProto } = onnxProto.onnx

const scalar = (name: string) => float32Tensor(name, [1], [1])
const node = (
  opType: string,
  input: string[],
  output: string[] = ['y'],
  more: onnx.INodeProto = {},
): onnx.INodeProto => ({
  name: 'n',
  opType,
  input,
  output,
  ...more,
})
const constant = (
  output: string,
  attribute: onnx.IAttributeProto = { name: 'value', t: scalar('') },
): onnx.INodeProto => node('Constant', [], [output], { name: `make ${output}`, attribute: [attribute] })
const clip = (min: string, output = 'y') => node('Clip', ['x', min], [output], { name: 'clip' })
const named = (...names: string[]) => names.map(name => ({ name }))

/** The parameters of a model, each path with the node and slot that it is one of. */
function parametersOf(graph: onnx.IGraphProto, more: onnx.IModelProto = {}): Record<string, string> {
  const model = encodeModel({ irVersion: 8, opsetImport: [{ version: 18 }], graph, ...more })
  const entries = [...parameterSlots(ModelProto.decode(model))].map(([path, { node, slot }]): [string, string] => [
    path,
    node === undefined ? slot : `${node}: ${slot}`,
  ])
  return Object.fromEntries(entries.sort())
}

/** Which of 18 initializers, one for each input of the operator, are parameters. */
function inputsThatAreParameters(opType: string, domain = ''): number[] {
  const names = Array.from({ length: 18 }, (_, index) => `i${index}`)
  const found = parametersOf({
    node: [node(opType, names, ['y'], { domain })],
    initializer: names.map(scalar),
  })
  return Object.keys(found)
    .map(path => Number(/\d+/.exec(path)?.[0]))
    .sort((a, b) => a - b)
}

describe('inputs that are parameters', () => {
  test.each<[string, number[]]>([
    ['Resize', [1, 2]],
    ['Upsample', [1]],
    ['Clip', [1, 2]],
    ['Pad', [2]],
    ['Range', [0, 1, 2]],
    ['OneHot', [1, 2]],
    ['Pow', [1]],
    ['NonMaxSuppression', [3, 4]],
    ['Dropout', [1]],
    ['QuantizeLinear', [1, 2]],
    ['DequantizeLinear', [1, 2]],
    ['QLinearConv', [1, 2, 4, 5, 6, 7]],
    ['QLinearMatMul', [1, 2, 4, 5, 6, 7]],
    ['com.microsoft QLinearAdd', [1, 2, 4, 5, 6, 7]],
    ['com.microsoft QLinearSigmoid', [1, 2, 3, 4]],
    ['com.microsoft QLinearConcat', [0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16]],
    ['com.microsoft QGemm', [1, 2, 4, 5, 7, 8]],
    ['com.microsoft QAttention', [3, 4, 6, 7]],
    ['com.microsoft DynamicQuantizeMatMul', [2, 3]],
    ['com.microsoft DynamicQuantizeLSTM', [8, 9, 10, 11]],
    ['com.microsoft MatMulIntegerToFloat', [2, 3, 4, 5]],
    ['com.microsoft MatMulNBits', [2, 3]],
    ['com.microsoft MatMulBnb4', [2]],
    ['com.microsoft GatherBlockQuantized', [2, 3]],
    ['onnx.brevitas FloatQuant', [1, 2, 3, 4, 5]],
    ['qonnx.custom_op.general Quant', [1, 2, 3]],
    ['ai.onnx Clip', [1, 2]],
    ['Conv', []],
    ['MatMul', []],
    ['Add', []],
    ['Mul', []],
    ['Where', []],
    ['BatchNormalization', []],
    ['LayerNormalization', []],
    ['PRelu', []],
    ['LSTM', []],
    ['Concat', []],
    ['com.microsoft Clip', []],
    ['org.example Resize', []],
    ['constructor', []],
  ])('%s: %j', (operator, expected) => {
    const [opType = '', domain = ''] = operator.split(' ').reverse()
    expect(inputsThatAreParameters(opType, domain)).toEqual(expected)
  })

  test('of the older Resize, which has its scales where others have roi', () => {
    const graph = { node: [node('Resize', ['x', 's'])], initializer: [scalar('s')] }
    expect(parametersOf(graph)).toEqual({ 'graph.initializer[0]': 'n: scales' })
  })

  test('a node without a name goes by its operator and place', () => {
    const graph = {
      node: [node('Relu', ['x'], ['x2']), node('Pow', ['x2', 'e'], ['y'], { name: '' })],
      initializer: [scalar('e')],
    }
    expect(parametersOf(graph)).toEqual({ 'graph.initializer[0]': 'Pow #1: exponent' })
  })
})

const valuePath = 'graph.node[0].attribute[0].t'
const branch = (...nodes: onnx.INodeProto[]): onnx.IGraphProto => ({ node: nodes, output: named('out') })
const body = (name: string, g: onnx.IGraphProto): onnx.IAttributeProto => ({ name, g })

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
      {
        'graph.node[0].attribute[0].f': 'n: min',
        'graph.node[0].attribute[0].floats': 'n: min',
        'graph.node[1].attribute[0].f': 'n: max',
        'graph.node[1].attribute[0].floats': 'n: max',
      },
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
      'where it is used as a weight as well',
      { node: [node('Mul', ['x', 'a'], ['z']), clip('a'), node('Add', ['z', 'a'])], initializer: [scalar('a')] },
      { 'graph.initializer[0]': 'clip: min' },
    ],
    [
      'where it is an input as well',
      { node: [clip('a')], input: named('x', 'a'), initializer: [scalar('a')] },
      { 'graph.initializer[0]': 'clip: min' },
    ],
    [
      'not through what computes',
      { node: [node('Mul', ['a', 'a'], ['b']), clip('b')], initializer: [scalar('a')] },
      {},
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
      { [valuePath]: 'the output v of the model', 'graph.initializer[0]': 'the output o of the model' },
    ],
    [
      'not to an output of a subgraph',
      {
        node: [node('If', ['c'], ['y'], { attribute: [body('then_branch', branch(constant('out')))] })],
        output: named('y'),
      },
      {},
    ],
    [
      'in circles',
      { node: [node('Identity', ['a'], ['b']), node('Identity', ['b'], ['a']), clip('a')], output: named('a') },
      {},
    ],
  ])('%s', (_, graph, expected) => {
    expect(parametersOf(graph)).toEqual(expected)
  })
})

describe('attributes that are parameters', () => {
  test.each<[string, onnx.INodeProto, string[]]>([
    [
      'the value of ConstantOfShape',
      node('ConstantOfShape', ['s'], ['y'], { attribute: [{ name: 'value', t: scalar('') }] }),
      [valuePath],
    ],
    [
      'tensors of classic models',
      node('TreeEnsembleRegressor', ['x'], ['y'], {
        domain: 'ai.onnx.ml',
        attribute: [{ name: 'nodes_values_as_tensor', t: scalar('') }],
      }),
      [valuePath],
    ],
    [
      'plain floats of another operator than Constant',
      node('Custom', ['x'], ['y'], { attribute: [{ name: 'value_float', f: 1 }] }),
      ['graph.node[0].attribute[0].f', 'graph.node[0].attribute[0].floats'],
    ],
    [
      'tensors of an operator that nobody knows are weights',
      node('Custom', ['x'], ['y'], { attribute: [{ name: 'value', t: scalar('') }] }),
      [],
    ],
  ])('%s', (_, each, expected) => {
    expect(Object.keys(parametersOf({ node: [each] }))).toEqual(expected)
  })

  test('scales that an annotation of quantisation names', () => {
    const graph: onnx.IGraphProto = {
      initializer: [scalar('s'), scalar('w')],
      quantizationAnnotation: [{ tensorName: 'w', quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: 's' }] }],
    }
    expect(parametersOf(graph)).toEqual({ 'graph.initializer[0]': 'SCALE_TENSOR of an annotation of quantisation' })
  })
})

describe('functions', () => {
  const custom = { domain: 'f' }
  const call = (name: string, input: string[], output = ['y'], attribute: onnx.IAttributeProto[] = []) =>
    node(name, input, output, { ...custom, attribute })

  test('what a call gives for an input, through another function, any order', () => {
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'Outer',
        input: ['x', 'p', 'w'],
        output: ['y'],
        node: [call('Inner', ['x', 'p'], ['z']), node('Mul', ['z', 'w'])],
      },
      { ...custom, name: 'Inner', input: ['x', 'q'], output: ['y'], node: [clip('q')] },
    ]
    const graph = { node: [call('Outer', ['x', 'a', 'b'])], initializer: [scalar('a'), scalar('b')] }
    expect(parametersOf(graph, { functions })).toEqual({ 'graph.initializer[0]': 'clip: min' })
  })

  test('its own Constants, where they are used inside or come out', () => {
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'F',
        input: ['x'],
        output: ['y', 'o'],
        node: [constant('c'), constant('o'), constant('w'), clip('c', 'z'), node('Mul', ['z', 'w'])],
      },
    ]
    const graph = { node: [call('F', ['x'], ['r', 'p']), node('Pow', ['r', 'p'])] }
    expect(parametersOf(graph, { functions })).toEqual({
      'functions[0].node[0].attribute[0].t': 'clip: min',
      'functions[0].node[1].attribute[0].t': 'n: exponent',
    })
  })

  test('tensors that a call gives for an attribute', () => {
    const reference = (name: string) => constant(name, { name: 'value', refAttrName: name, type: 4 })
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'F',
        input: ['x'],
        output: ['y'],
        attribute: ['p', 'w'],
        node: [reference('p'), reference('w'), clip('p', 'z'), node('Mul', ['z', 'w'])],
      },
    ]
    const graph = {
      node: [
        call(
          'F',
          ['x'],
          ['y'],
          [
            { name: 'p', t: scalar('') },
            { name: 'w', t: scalar('') },
          ],
        ),
      ],
    }
    expect(parametersOf(graph, { functions })).toEqual({ [valuePath]: 'clip: min' })
  })

  test('a function that has the name of an operator is the function', () => {
    const functions: onnx.IFunctionProto[] = [
      { domain: '', name: 'Clip', input: ['x', 'a'], output: ['y'], node: [node('Mul', ['x', 'a'])] },
    ]
    expect(parametersOf({ node: [clip('a')], initializer: [scalar('a')] }, { functions })).toEqual({})
  })

  test('that call themselves, or see names of the graph: neither hangs nor is taken for one', () => {
    const functions: onnx.IFunctionProto[] = [
      { ...custom, name: 'F', input: ['p'], output: ['y'], node: [call('F', ['p']), clip('p', 'z'), clip('a', 'q')] },
    ]
    const graph = { node: [call('F', ['b'])], initializer: [scalar('a'), scalar('b')] }
    expect(parametersOf(graph, { functions })).toEqual({ 'graph.initializer[1]': 'clip: min' })
  })
})

test('graphs of training see the names of the main graph', () => {
  const graph = { initializer: [scalar('a'), scalar('w')] }
  const algorithm: onnx.IGraphProto = {
    node: [clip('a'), clip('own', 'z')],
    initializer: [scalar('own'), scalar('rate')],
  }
  expect(parametersOf(graph, { trainingInfo: [{ algorithm }] })).toEqual({
    'graph.initializer[0]': 'clip: min',
    'training_info[0].algorithm.initializer[0]': 'clip: min',
  })
})

test('chains, crowds and calls take time in proportion', () => {
  const count = 20_000
  const chain = Array.from({ length: count }, (_, index) => node('Identity', [`v${index}`], [`v${index + 1}`]))
  const many = Array.from({ length: count }, (_, index) => `v${index}`)
  const call = node('F', many, many, { domain: 'f' })
  const started = performance.now()
  parametersOf(
    {
      node: [...chain, node('Concat', many, many), ...Array.from({ length: 3 }, () => call), clip(`v${count}`)],
      initializer: [scalar('v0')],
      output: named(...many),
    },
    {
      functions: Array.from({ length: 3 }, () => ({ domain: 'f', name: 'F', input: many, output: many })),
    },
  )
  expect(performance.now() - started).toBeLessThan(5000)
})
