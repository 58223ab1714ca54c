import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../support/catalogue.ts'
import { pair } from '../support/merge-pair.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { selfSoup, soupInMemory, soupOfFiles } from '../support/soup.ts'
import { constant, pairOf, type Values } from '../support/tensor-places.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint } from '../support/wire-bytes.ts'

const { graph: graphField, node: nodeField, tensor: tensorField } = onnxField

describe('parameters of operations are carried where they are equal, and refused where they differ', () => {
  const initializer = (values: Values): onnx.IGraphProto => ({ initializer: [pairOf('p', values)] })
  const made = (values: Values): onnx.IGraphProto => ({
    node: [{ ...constant({ name: 'value', t: pairOf('', values) }), output: ['p'] }],
  })
  const using = (opType: string, input: string[], more: onnx.INodeProto = {}) => ({
    name: 'user',
    opType,
    input,
    output: ['y'],
    ...more,
  })

  const slots: [what: string, slot: string, user: onnx.INodeProto][] = [
    ['scales of Resize', 'scales', using('Resize', ['x', '', 'p'])],
    ['a bound of Clip', 'min', using('Clip', ['x', 'p'])],
    ['what Pad fills with', 'constant_value', using('Pad', ['x', 'pads', 'p'])],
    ['the start of Range', 'start', using('Range', ['p', 'l', 'd'])],
    ['values of OneHot', 'values', using('OneHot', ['x', 'd', 'p'])],
    ['an exponent', 'exponent', using('Pow', ['x', 'p'])],
    ['a threshold of NonMaxSuppression', 'iou_threshold', using('NonMaxSuppression', ['b', 's', 'm', 'p'])],
    ['a scale of quantisation', 'scale', using('DequantizeLinear', ['x', 'p'])],
    ['a scale of a contrib operator', 'scales', using('MatMulNBits', ['x', 'b', 'p'], { domain: 'com.microsoft' })],
  ]

  test.each(slots)('%s', (_, slot, user) => {
    for (const source of [initializer, made]) {
      const model = (values: Values, w: Values) => {
        const { node = [], initializer: own = [] } = source(values)
        return modelOf({
          node: [...(node ?? []), user],
          initializer: [...(own ?? []), pairOf('w', w)],
          output: [{ name: 'y' }],
        })
      }
      const differing = pair(model([1, 2], [1, 2]), model([1, 3], [3, 4]))
      const { errors } = refusalOf(() => soupOfFiles(differing), 'TUREEN_NON_FLOAT_DIFFERS')
      expect(errors).toEqual([
        {
          model: 'second',
          tensor: 'p',
          node: 'user',
          expected: '[1, 2]',
          actual: '[1, 3]',
          message: expect.stringMatching(`parameter ${slot} of the node user`),
        },
      ])
      const { content, report } = soupOfFiles(differing, { nonFloat: 'base' })
      expect(content.equals(model([1, 2], [2, 3]))).toBe(true)
      expect(report.fromBase).toEqual({
        values: [{ model: 'second', tensor: 'p', node: 'user', base: '[1, 2]', other: '[1, 3]' }],
        omitted: 0,
      })
      const base = model([1, 2], [1, 2])
      const soup = soupInMemory(pair(base, model([1, 2], [3, 4])), { normalize: false })
      expect(soup.equals(model([1, 2], [4, 6]))).toBe(true)
    }
  })

  test('a Constant that is an output', () => {
    const model = (value: number) =>
      modelOf({ node: [constant({ name: 'value_float', f: value })], output: [{ name: 'c' }] })
    const { errors } = refusalOf(() => soupOfFiles(pair(model(1), model(2))), 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors).toMatchObject([
      { tensor: 'c', message: expect.stringMatching(/no weight but a number that the model outputs as c/) },
    ])
  })

  test('a bias with one element is a weight', () => {
    const model = (value: number) =>
      modelOf({
        node: [{ opType: 'Add', input: ['x', 'b'], output: ['y'] }],
        initializer: [float32Tensor('b', [1], [value])],
      })
    expect(soupInMemory(pair(model(1), model(2))).equals(model(1.5))).toBe(true)
  })

  test('halves as varints that are a parameter keep their encoding', () => {
    const model = (code: number) =>
      modelBytes(
        [tensorBytes('p', 10, [1], bytesField(tensorField.int32Data, varint(code, 3)))],
        bytesField(graphField.node, [
          bytesField(nodeField.input, 'x'),
          bytesField(nodeField.input, 'p'),
          bytesField(nodeField.opType, 'Clip'),
          bytesField(nodeField.output, 'y'),
        ]),
        bytesField(graphField.output, bytesField(1, 'y')),
      )
    expect(selfSoup(model(0x3c00)).equals(model(0x3c00))).toBe(true)
    refusalOf(() => soupOfFiles(pair(model(0x3c00), model(0x4000))), 'TUREEN_NON_FLOAT_DIFFERS', /Clip #0|differ/)
  })
})
