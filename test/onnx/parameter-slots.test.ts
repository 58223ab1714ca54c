import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { stopwatch } from '../support/processor-time.ts'
import { clip, inputsThatAreParameters, named, node, parametersOf, scalar, valuePath } from '../support/slot-models.ts'

describe('inputs that are parameters', () => {
  test.each<[string, number[]]>([
    ['Resize', [2]],
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
    const opsetImport = [{ version: 10 }]
    expect(parametersOf(graph, { opsetImport })).toEqual({ 'graph.initializer[0]': 'n: scales' })
  })

  test('of a Resize that crops, which alone reads roi', () => {
    const crop = { name: 'coordinate_transformation_mode', type: 3, s: Buffer.from('tf_crop_and_resize') }
    const graph = {
      node: [node('Resize', ['x', 'r', 's'], ['y'], { attribute: [crop] })],
      initializer: [scalar('r'), scalar('s')],
    }
    expect(parametersOf(graph)).toEqual({ 'graph.initializer[0]': 'n: roi', 'graph.initializer[1]': 'n: scales' })
  })

  test('a node without a name goes by its operator and place', () => {
    const graph = {
      node: [node('Relu', ['x'], ['x2']), node('Pow', ['x2', 'e'], ['y'], { name: '' })],
      initializer: [scalar('e')],
    }
    expect(parametersOf(graph)).toEqual({ 'graph.initializer[0]': 'Pow #1: exponent' })
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

test('chains, crowds and calls take time in proportion', () => {
  const count = 20_000
  const chain = Array.from({ length: count }, (_, index) => node('Identity', [`v${index}`], [`v${index + 1}`]))
  const many = Array.from({ length: count }, (_, index) => `v${index}`)
  const results = (name: string) => many.map(each => `${each} ${name}`)
  const crowd = node('Concat', many, results('crowd'))
  const calls = [0, 1, 2].map(index => node('F', many, results(`call ${index}`), { domain: 'f' }))
  const elapsed = stopwatch()
  parametersOf(
    {
      node: [...chain, crowd, ...calls, clip(`v${count}`)],
      initializer: [scalar('v0')],
      output: named(...many, ...calls.flatMap(({ output }) => output ?? []), ...(crowd.output ?? [])),
    },
    {
      functions: Array.from({ length: 3 }, () => ({ domain: 'f', name: 'F', input: many, output: many })),
    },
  )
  expect(elapsed()).toBeLessThan(5000)
})
