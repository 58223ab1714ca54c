import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyModel } from '../support/any-model.ts'
import { refusalOf } from '../support/catalogue.ts'
import { layoutOf } from '../support/inspecting.ts'
import { pair } from '../support/merge-pair.ts'
import { tensorsOf, withoutPayloads } from '../support/onnx-oracle.ts'
import { randomCases } from '../support/random-cases.ts'
import { encodeModel, modelOf } from '../support/rich-model.ts'
import { selfSoup, soupInMemory, soupOfFiles } from '../support/soup.ts'
import {
  constant,
  floatsAt,
  pairOf,
  places,
  reading,
  sparse,
  type Values,
  wireAttribute,
  within,
  withNode,
} from '../support/tensor-places.ts'
import { bytesField, float32Bytes, float32Field, modelBytes, onnxField, tensorBytes } from '../support/wire-bytes.ts'

const { graph: graphField, node: nodeField, attribute: attributeField, tensor: tensorField } = onnxField

describe('float tensors are averaged wherever they stand', () => {
  test.each(places)('%s', (_, path, name, read, model) => {
    const [a, b] = [reading(model([1, -2]), read), reading(model([4, 2]), read)]
    const { content, report } = soupOfFiles(pair(a, b))
    expect(floatsAt(content, path)).toEqual([2.5, 0])
    expect(withoutPayloads(content)).toEqual(withoutPayloads(a))
    expect(content.byteLength).toBe(a.byteLength)
    expect(report.tensors.averaged).toBe(1)
    expect(layoutOf(a).tensors.find(each => each.path === path)).toMatchObject({ name })
    expect(selfSoup(a).equals(Buffer.from(a))).toBe(true)
  })

  test.each(places)('%s: rules find it by its name', (_, path, name, read, model) => {
    const inputs = pair(reading(model([1, -2]), read), reading(model([4, 2]), read))
    const soup = soupInMemory(inputs, { rules: [{ match: name, weights: [0, 1] }] })
    expect(floatsAt(soup, path)).toEqual([4, 2])
  })

  // What belongs to which cannot be said of sparse tensors there, whose values mean something with their indices alone.
  test.each(places)(
    '%s that no output depends on: by its name, if it is not sparse',
    (where, path, _name, _read, model) => {
      const [a, b] = [model([1, -2]), model([4, 2])]
      expect(floatsAt(soupInMemory(pair(a, b)), path)).toEqual(where.includes('sparse') ? [1, -2] : [2.5, 0])
      expect(selfSoup(a).equals(Buffer.from(a))).toBe(true)
    },
  )

  test('value_float of a Constant, written twice: the last holds', () => {
    const model = (value: number) =>
      reading(
        wireAttribute(
          float32Field(attributeField.f, 7),
          bytesField(attributeField.name, 'value_float'),
          float32Field(attributeField.f, value),
        ),
        'c',
      )
    const soup = soupInMemory(pair(model(1), model(4)))
    expect(soup.equals(model(2.5))).toBe(true)
  })

  test('floats of another attribute are no weights', () => {
    const model = (name: string, value: number) => reading(withNode(constant({ name, floats: [value], f: value })), 'c')
    refusalOf(() => soupOfFiles(pair(model('values', 1), model('values', 2))), 'TUREEN_MODELS_DIFFER')
  })

  test('value_floats of an operator that nobody knows must agree, wherever its node stands', () => {
    const model = (order: 1 | -1, ...values: Values) => {
      const node = values.map((value, index) => ({
        opType: `Custom${index}`,
        domain: 'custom',
        output: [`n${index}`],
        attribute: [{ name: 'value_floats', type: 6, floats: [value, 1] }],
      }))
      return reading(modelOf({ node: order === 1 ? node : node.reverse() }), 'n0', 'n1')
    }
    refusalOf(() => soupOfFiles(pair(model(1, 1, 2), model(-1, 1, 3))), 'TUREEN_NON_FLOAT_DIFFERS')
    expect(soupInMemory(pair(model(1, 1, 2), model(-1, 1, 2))).equals(model(1, 1, 2))).toBe(true)
  })

  test('another number of value_floats is another structure', () => {
    const model = (floats: number[]) =>
      reading(withNode({ ...constant({ name: 'value_floats', floats }), name: 'make' }), 'c')
    const { errors } = refusalOf(() => soupOfFiles(pair(model([1]), model([1, 2]))), 'TUREEN_MODELS_DIFFER')
    expect(errors).toEqual([
      {
        model: 'second',
        node: 'make',
        tensor: 'c',
        message: expect.stringMatching(/is float32\[2\], in the base float32\[1\]/),
      },
    ])
  })

  test('halves in a Constant, in a Loop, as varints: they become raw_data, and the lengths around them right', () => {
    const half = (...codes: number[]) => ({ name: 'h', dims: [codes.length], dataType: 10, int32Data: codes })
    const model = (...codes: number[]) =>
      withNode(
        within('Loop', 'body', {
          node: [constant({ name: 'value', t: half(...codes) }), constant({ name: 'value', t: half(0x3c00) })],
        }),
      )
    const [a, b] = [model(0x3c00, 0x4000, 0x8000), model(0x4000, 0x4000, 0x8000)]
    const soup = soupInMemory(pair(a, b))
    const path = 'graph.node[0].attribute[0].g.node[0].attribute[0].t'
    const tensor = tensorsOf(soup).find(each => each.path === path)
    expect(tensor?.bytes).toEqual(Buffer.from(Uint16Array.of(0x3e00, 0x4000, 0x8000).buffer))
    expect(layoutOf(soup).tensors.map(({ payload }) => payload.form)).toEqual(['raw', 'varint'])
    expect(withoutPayloads(soup)).toEqual(withoutPayloads(a))
    expect(selfSoup(a).equals(Buffer.from(a))).toBe(true)
  })

  test('initializers of a subgraph, and sparse ones, are found by what reads them in another order', () => {
    const model = (order: 1 | -1, w: Values, v: Values) => {
      const inOrder = <Item>(items: Item[]) => (order === 1 ? items : items.reverse())
      const branch = {
        node: [{ opType: 'Sub', input: ['w', 'v'], output: ['difference'] }],
        initializer: inOrder([pairOf('w', w), pairOf('v', v)]),
        output: [{ name: 'difference' }],
      }
      const graph = {
        node: [{ opType: 'If', output: ['If'], attribute: [{ name: 'then_branch', g: branch }] }],
        sparseInitializer: inOrder([sparse('sw', w, [0, 3]), sparse('sv', v, [1, 2])]),
      }
      return reading(modelOf(graph), 'If', 'sw', 'sv')
    }
    const soup = soupInMemory(pair(model(1, [1, 2], [10, 20]), model(-1, [3, 4], [30, 40])))
    expect(floatsAt(soup, 'graph.node[0].attribute[0].g.initializer[0]')).toEqual([2, 3])
    expect(floatsAt(soup, 'graph.node[0].attribute[0].g.initializer[1]')).toEqual([20, 30])
    expect(floatsAt(soup, 'graph.sparse_initializer[0].values')).toEqual([2, 3])
    expect(floatsAt(soup, 'graph.sparse_initializer[1].values')).toEqual([20, 30])
  })

  test('tensors whose names are exchanged are averaged by what reads them, not by their names', () => {
    const model = (first: string, second: string, values: Values) =>
      reading(
        modelOf({ initializer: [pairOf(first, values), pairOf(second, [values[0] * 10, values[1] * 10])] }),
        first,
        second,
      )
    const soup = soupInMemory(pair(model('w', 'v', [1, 2]), model('v', 'w', [3, 4])))
    expect(floatsAt(soup, 'graph.initializer[0]')).toEqual([2, 3])
    expect(floatsAt(soup, 'graph.initializer[1]')).toEqual([20, 30])
  })

  test('sparse tensors with other indices are refused, with the reason', () => {
    const model = (indices: number[]) => reading(modelOf({ sparseInitializer: [sparse('w', [1, 2], indices)] }), 'w')
    const { errors } = refusalOf(() => soupOfFiles(pair(model([0, 3]), model([0, 4]))), 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors).toMatchObject([{ model: 'second', message: expect.stringMatching(/indices of the sparse tensor/) }])
  })

  test('defaults of the attributes of functions are compared, not averaged', () => {
    const functionField = { name: 1, output: 5, node: 7, domain: 10, attributeProto: 11 }
    const refAttrName = 21
    const model = (value: number) => {
      const body = [
        bytesField(functionField.name, 'F'),
        bytesField(functionField.domain, 'f'),
        bytesField(functionField.output, 'z'),
        bytesField(functionField.node, [
          bytesField(nodeField.opType, 'Custom'),
          bytesField(nodeField.name, 'inside'),
          bytesField(nodeField.output, 'z'),
          bytesField(nodeField.attribute, [
            bytesField(attributeField.name, 'kernel'),
            bytesField(refAttrName, 'value'),
          ]),
        ]),
        bytesField(functionField.attributeProto, [
          bytesField(attributeField.name, 'value'),
          bytesField(attributeField.t, tensorBytes('', 1, [1], bytesField(tensorField.rawData, float32Bytes([value])))),
        ]),
      ]
      const call = bytesField(graphField.node, [
        bytesField(nodeField.opType, 'F'),
        bytesField(nodeField.domain, 'f'),
        bytesField(nodeField.output, 'y'),
      ])
      return Buffer.concat([reading(modelBytes([], call), 'y'), bytesField(25, body)])
    }
    const { errors } = refusalOf(() => soupOfFiles(pair(model(1), model(2))), 'TUREEN_MODELS_DIFFER')
    expect(errors).toContainEqual({
      model: 'second',
      node: 'inside',
      message: expect.stringMatching(/attribute kernel: is the default of value/),
    })
    expect(soupInMemory(pair(model(1), Buffer.from(model(1)))).equals(model(1))).toBe(true)
    const doubled = soupInMemory([{ bytes: model(1), weight: 2 }], { normalize: false })
    expect(doubled.equals(model(1))).toBe(true)
  })

  test('any model at all comes out of a soup with itself byte for byte', () => {
    fc.assert(
      fc.property(anyModel, model => {
        const bytes = encodeModel(model)
        expect(selfSoup(bytes).equals(Buffer.from(bytes))).toBe(true)
      }),
      { numRuns: randomCases(300) },
    )
  })
})
