import { describe, expect, test } from 'vitest'
import { operatorEpoch } from '../../../src/onnx/graph/operator-epochs.ts'

describe('the same meaning', () => {
  test.each<[string, number[]]>([
    ['Relu', [1, 6, 13, 14, 28]],
    ['Conv', [1, 11, 22]],
    ['ConvTranspose', [1, 11, 22]],
    ['MaxPool', [1, 8, 10, 12, 22]],
    ['AveragePool', [1, 7, 10, 11, 19, 22]],
    ['BatchNormalization', [1, 6]],
    ['BatchNormalization', [7, 8, 9, 13, 14, 15, 28]],
    ['InstanceNormalization', [1, 6, 22]],
    ['LayerNormalization', [11, 17, 28]],
    ['MatMul', [1, 9, 13]],
    ['Add', [1, 6]],
    ['Add', [7, 13, 14]],
    ['Gemm', [7, 9, 11, 13]],
    ['Sum', [1, 6, 8, 13]],
    ['Softmax', [1, 11, 12]],
    ['Softmax', [13, 28]],
    ['Dropout', [7, 10, 12, 13, 22]],
    ['Clip', [1, 6, 11, 12, 13]],
    ['Pad', [1, 2, 11, 13, 18, 25]],
    ['Reshape', [5, 13, 14, 25]],
    ['Squeeze', [1, 11, 13, 25]],
    ['Gather', [1, 11, 13]],
    ['Cast', [6, 9, 13, 19, 28]],
    ['TopK', [1, 10, 11, 24]],
    ['LSTM', [1, 7, 14, 22]],
    ['GRU', [3, 7, 14, 22]],
    ['ReduceMean', [1, 11, 13, 18]],
    ['Resize', [11, 13, 18, 19]],
    ['Upsample', [7, 9]],
    ['GridSample', [16, 20, 22]],
    ['Attention', [23, 24, 25]],
    ['QuantizeLinear', [10, 13, 19, 21, 23, 28]],
    ['DequantizeLinear', [10, 13, 19, 21, 23, 28]],
    ['Loop', [1, 11, 13, 25]],
    ['NotThere', [1, 28]],
    ['constructor', [1, 28]],
    ['ai.onnx.ml LabelEncoder', [1, 2, 4]],
    ['ai.onnx.ml TreeEnsembleRegressor', [1, 3, 5]],
    ['ai.onnx.ml Softmax', [1, 5]],
  ])('%s %j', (operator, versions) => {
    const [opType = '', domain = ''] = operator.split(' ').reverse()
    expect(new Set(versions.map(version => operatorEpoch(domain, opType, version))).size).toBe(1)
  })
})

describe('another meaning', () => {
  test.each<[string, number, number]>([
    ['Softmax', 12, 13],
    ['LogSoftmax', 12, 13],
    ['Hardmax', 12, 13],
    ['BatchNormalization', 6, 7],
    ['Dropout', 6, 7],
    ['Add', 6, 7],
    ['Sub', 6, 7],
    ['Mul', 6, 7],
    ['Div', 6, 7],
    ['Pow', 6, 7],
    ['And', 6, 7],
    ['Or', 6, 7],
    ['Xor', 6, 7],
    ['Equal', 6, 7],
    ['Greater', 6, 7],
    ['Less', 6, 7],
    ['PRelu', 6, 7],
    ['Gemm', 6, 7],
    ['Selu', 5, 6],
    ['Split', 1, 2],
    ['Scan', 8, 9],
    ['MeanVarianceNormalization', 8, 9],
    ['OneHot', 10, 11],
    ['Resize', 10, 11],
    ['RoiAlign', 15, 16],
    ['DFT', 19, 20],
    ['GroupNormalization', 20, 21],
  ])('%s: %i is not %i', (opType, before, since) => {
    expect(operatorEpoch('', opType, since)).toBe(since)
    expect(operatorEpoch('', opType, before)).toBe(1)
    expect(operatorEpoch('', opType, 28)).toBe(since)
  })
})

test('each version that Tureen does not know is an epoch of its own', () => {
  expect([1, 2, 13].map(version => operatorEpoch('org.example', 'Softmax', version))).toEqual([1, 2, 13])
  expect(operatorEpoch('ai.onnx.preview', 'FlexAttention', 2)).toBe(2)
  expect(operatorEpoch('com.microsoft', 'Gelu', 2)).toBe(2)
  expect([29, 1000].map(version => operatorEpoch('', 'Softmax', version))).toEqual([29, 1000])
  expect(operatorEpoch('constructor', 'Softmax', 3)).toBe(3)
})
