import { describe, expect, test } from 'vitest'
import { attributeDefault } from '../../../src/onnx/graph/attribute-defaults.ts'
import type { AttributeDefault } from '../../../src/onnx/graph/default-table.ts'
import { operatorEpoch } from '../../../src/onnx/graph/operator-epochs.ts'
import { isWindowDefault } from '../../../src/onnx/graph/windowed-defaults.ts'

describe('defaults', () => {
  test.each<[operator: string, version: number, attribute: string, expected: AttributeDefault | undefined]>([
    ['Softmax', 1, 'axis', { i: 1 }],
    ['Softmax', 12, 'axis', { i: 1 }],
    ['Softmax', 13, 'axis', { i: -1 }],
    ['LogSoftmax', 11, 'axis', { i: 1 }],
    ['Hardmax', 13, 'axis', { i: -1 }],
    ['Gemm', 13, 'alpha', { f: 1 }],
    ['Gemm', 7, 'beta', { f: 1 }],
    ['Gemm', 7, 'transB', { i: 0 }],
    ['Conv', 1, 'group', { i: 1 }],
    ['Conv', 22, 'auto_pad', { s: 'NOTSET' }],
    ['Conv', 22, 'strides', undefined],
    ['Conv', 22, 'kernel_shape', undefined],
    ['LRN', 13, 'alpha', { f: Math.fround(0.0001) }],
    ['LRN', 13, 'beta', { f: 0.75 }],
    ['LRN', 13, 'bias', { f: 1 }],
    ['LRN', 13, 'size', undefined],
    ['Gather', 1, 'axis', { i: 0 }],
    ['Concat', 13, 'axis', undefined],
    ['Transpose', 13, 'perm', undefined],
    ['Flatten', 9, 'axis', { i: 1 }],
    ['BatchNormalization', 9, 'epsilon', { f: Math.fround(1e-5) }],
    ['BatchNormalization', 9, 'momentum', { f: Math.fround(0.9) }],
    ['BatchNormalization', 14, 'training_mode', { i: 0 }],
    ['LayerNormalization', 17, 'axis', { i: -1 }],
    ['LeakyRelu', 6, 'alpha', { f: Math.fround(0.01) }],
    ['Selu', 1, 'alpha', { f: Math.fround(1.6732) }],
    ['Selu', 6, 'alpha', { f: Math.fround(1.6732631921768188) }],
    ['GlobalLpPool', 1, 'p', { f: 2 }],
    ['GlobalLpPool', 2, 'p', { i: 2 }],
    ['GridSample', 16, 'mode', { s: 'bilinear' }],
    ['GridSample', 20, 'mode', { s: 'linear' }],
    ['GRU', 1, 'direction', { s: 'foward' }],
    ['GRU', 22, 'direction', { s: 'forward' }],
    ['RNN', 7, 'activations', { strings: ['Tanh', 'Tanh'] }],
    ['LSTM', 7, 'activations', undefined],
    ['Clip', 1, 'min', undefined],
    ['Clip', 6, 'min', { f: -3.4028234663852886e38 }],
    ['Split', 1, 'axis', undefined],
    ['Split', 2, 'axis', { i: 0 }],
    ['ReduceMean', 18, 'keepdims', { i: 1 }],
    ['ReduceMean', 18, 'axes', undefined],
    ['Resize', 10, 'mode', { s: 'nearest' }],
    ['Resize', 10, 'coordinate_transformation_mode', undefined],
    ['Resize', 11, 'coordinate_transformation_mode', { s: 'half_pixel' }],
    ['Resize', 19, 'cubic_coeff_a', { f: -0.75 }],
    ['RoiAlign', 10, 'coordinate_transformation_mode', undefined],
    ['RoiAlign', 22, 'coordinate_transformation_mode', { s: 'half_pixel' }],
    ['MeanVarianceNormalization', 13, 'axes', { ints: [0, 2, 3] }],
    ['Cast', 28, 'to', undefined],
    ['Cast', 19, 'saturate', { i: 1 }],
    ['Dropout', 7, 'ratio', { f: 0.5 }],
    ['NotThere', 1, 'axis', undefined],
    ['constructor', 1, 'name', undefined],
    ['Conv', 1, 'constructor', undefined],
    ['ai.onnx.ml LinearRegressor', 1, 'targets', { i: 1 }],
    ['ai.onnx.ml SVMClassifier', 1, 'post_transform', { s: 'NONE' }],
    ['ai.onnx.ml TreeEnsemble', 5, 'post_transform', { i: 0 }],
    ['ai.onnx.ml LabelEncoder', 2, 'default_float', { f: -0 }],
    ['ai.onnx.ml Softmax', 5, 'axis', undefined],
    ['SpaceToDepth', 28, 'mode', { s: 'DCR' }],
    ['Add', 13, 'broadcast', { i: 0 }],
    ['Reshape', 5, 'allowzero', { i: 0 }],
    ['GroupNormalization', 18, 'epsilon', { f: Math.fround(1e-5) }],
    ['ImageScaler', 1, 'scale', { f: 1 }],
    ['MeanVarianceNormalization', 1, 'across_channels', { i: 0 }],
    ['ai.onnx.preview.training Adam', 1, 'epsilon', { f: Math.fround(1e-6) }],
    ['ai.onnx.preview.training Adam', 1, 'beta', { f: Math.fround(0.999) }],
    ['com.microsoft FusedMatMul', 1, 'alpha', { f: 1 }],
    ['com.microsoft SkipLayerNormalization', 1, 'epsilon', { f: Math.fround(1e-12) }],
    ['org.example Gemm', 1, 'alpha', undefined],
  ])('%s %i %s: %j', (operator, version, attribute, expected) => {
    const [opType = '', domain = ''] = operator.split(' ').reverse()
    expect(attributeDefault(domain, opType, version, attribute)).toEqual(expected)
  })
})

test.each<[string, string]>([
  ['Softmax', 'axis'],
  ['LogSoftmax', 'axis'],
  ['Hardmax', 'axis'],
  ['Selu', 'alpha'],
  ['Selu', 'gamma'],
  ['Split', 'axis'],
  ['Resize', 'coordinate_transformation_mode'],
  ['RoiAlign', 'coordinate_transformation_mode'],
])('where the default of %s.%s is another, so is the meaning', (opType, attribute) => {
  for (let version = 2; version <= 28; version++) {
    const [before, after] = [version - 1, version].map(each => attributeDefault('', opType, each, attribute))
    if (JSON.stringify(before) !== JSON.stringify(after)) expect(operatorEpoch('', opType, version)).toBe(version)
  }
})

describe('lists by spatial axes', () => {
  test.each<[operator: string, attribute: string, values: number[], expected: boolean]>([
    ['Conv', 'strides', [1, 1], true],
    ['Conv', 'strides', [1], true],
    ['Conv', 'strides', [1, 2], false],
    ['Conv', 'dilations', [1, 1, 1], true],
    ['Conv', 'dilations', [2, 2], false],
    ['Conv', 'pads', [0, 0, 0, 0], true],
    ['Conv', 'pads', [0, 0, 1, 0], false],
    ['Conv', 'output_padding', [0, 0], false],
    ['Conv', 'kernel_shape', [1, 1], false],
    ['Conv', 'constructor', [], false],
    ['ConvTranspose', 'output_padding', [0, 0], true],
    ['ConvTranspose', 'output_padding', [1, 1], false],
    ['ConvTranspose', 'output_shape', [0, 0], false],
    ['ConvInteger', 'strides', [1, 1], true],
    ['QLinearConv', 'strides', [1, 1], true],
    ['DeformConv', 'dilations', [1, 1], true],
    ['MaxPool', 'strides', [1, 1], true],
    ['AveragePool', 'dilations', [1, 1], true],
    ['LpPool', 'pads', [0, 0], true],
    ['MaxUnpool', 'dilations', [1, 1], false],
    ['Col2Im', 'strides', [1, 1], true],
    ['Scan', 'scan_input_axes', [0, 0], true],
    ['Scan', 'scan_output_directions', [0, 1], false],
    ['Pad', 'pads', [0, 0, 0, 0], false],
    ['Relu', 'strides', [1, 1], false],
    ['com.microsoft FusedConv', 'strides', [1, 1], true],
    ['com.microsoft ConvTransposeWithDynamicPads', 'pads', [0, 0], false],
    ['com.microsoft Conv', 'strides', [1, 1], false],
    ['org.example Conv', 'strides', [1, 1], false],
  ])('%s %s %j: %j', (operator, attribute, values, expected) => {
    const [opType = '', domain = ''] = operator.split(' ').reverse()
    expect(isWindowDefault(domain, opType, attribute, values)).toBe(expected)
  })

  test.each<[autoPad: string | undefined, pads: boolean]>([
    [undefined, true],
    ['NOTSET', true],
    ['VALID', false],
    ['SAME_UPPER', false],
    ['SAME_LOWER', false],
  ])('pads beside auto_pad %s', (autoPad, expected) => {
    expect(isWindowDefault('', 'Conv', 'pads', [0, 0, 0, 0], autoPad)).toBe(expected)
    expect(isWindowDefault('', 'Conv', 'strides', [1, 1], autoPad)).toBe(true)
  })
})
