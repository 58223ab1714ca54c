import fc from 'fast-check'
import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { appendInside } from '../support/append-inside.ts'
import { refusalOf } from '../support/catalogue.ts'
import { layoutOf } from '../support/inspecting.ts'
import { float32Tensor, int64Tensor } from '../support/onnx-model.ts'
import { tensorsOf, withoutPayloads } from '../support/onnx-oracle.ts'
import { anyModel, encodeModel, modelOf } from '../support/rich-model.ts'
import { type SoupInput, selfSoup, soupInMemory, soupOfFiles } from '../support/soup.ts'
import {
  bytesField,
  float32Bytes,
  float32Field,
  modelBytes,
  onnxField,
  tensorBytes,
  varint,
  varintField,
} from '../support/wire-bytes.ts'

const { graph: graphField, node: nodeField, attribute: attributeField, tensor: tensorField } = onnxField

const pair = (first: Uint8Array, second: Uint8Array): SoupInput[] => [
  { bytes: first, weight: 1, label: 'first' },
  { bytes: second, weight: 1, label: 'second' },
]

const floatsAt = (model: Uint8Array, path: string) => {
  const tensor = tensorsOf(model).find(each => each.path === path)
  if (!tensor) throw new Error(`there is no tensor ${path}: ${tensorsOf(model).map(each => each.path)}`)
  return [...new Float32Array(Uint8Array.from(tensor.bytes).buffer)]
}

type Values = [number, number]
const pairOf = (name: string, values: Values) => float32Tensor(name, [2], values)
const withNode = (node: onnx.INodeProto) => modelOf({ node: [node] })
const constant = (attribute: onnx.IAttributeProto): onnx.INodeProto => ({
  opType: 'Constant',
  output: ['c'],
  attribute: [attribute],
})
/** A node of one subgraph, which puts out all that it has. */
const within = (opType: string, name: string, g: onnx.IGraphProto): onnx.INodeProto => {
  const names = [
    ...(g.node ?? []).flatMap(({ output }) => output ?? []),
    ...(g.initializer ?? []).map(each => each.name),
  ]
  const output = names.map((_, index) => `${opType}${index || ''}`)
  return { opType, output, attribute: [{ name, g: { ...g, output: names.map(name => ({ name: name ?? '' })) } }] }
}
const sparse = (name: string, values: Values, indices = [0, 3]): onnx.ISparseTensorProto => ({
  values: pairOf(name, values),
  indices: int64Tensor('', [2], indices),
  dims: [6],
})

/** The model with an output that depends on these values: what a Concat makes of them. */
const reading = (model: Uint8Array, ...names: string[]) =>
  appendInside(
    model,
    [[onnxField.model.graph, 0]],
    Buffer.concat([
      bytesField(graphField.node, [
        bytesField(nodeField.opType, 'Concat'),
        ...names.map(name => bytesField(nodeField.input, name)),
        bytesField(nodeField.output, 'read'),
      ]),
      bytesField(graphField.output, bytesField(1, 'read')),
    ]),
  )

const wireAttribute = (...fields: Uint8Array[]) =>
  modelBytes(
    [],
    bytesField(graphField.node, [
      bytesField(nodeField.attribute, fields),
      bytesField(nodeField.opType, 'Constant'),
      bytesField(nodeField.output, 'c'),
    ]),
  )
const wireName = bytesField(attributeField.name, 'value_floats')

/** `read`: the value by which an output can be made to depend on it. */
const places: [where: string, path: string, name: string, read: string, model: (values: Values) => Uint8Array][] = [
  ['an initializer', 'graph.initializer[0]', 'w', 'w', values => modelOf({ initializer: [pairOf('w', values)] })],
  [
    'an initializer of a Loop in a Scan in an If',
    'graph.node[0].attribute[0].g.node[0].attribute[0].g.node[0].attribute[0].g.initializer[0]',
    'w',
    'If',
    values =>
      withNode(
        within('If', 'then_branch', {
          node: [within('Scan', 'body', { node: [within('Loop', 'body', { initializer: [pairOf('w', values)] })] })],
        }),
      ),
  ],
  [
    'a sparse initializer',
    'graph.sparse_initializer[0].values',
    'w',
    'w',
    values => modelOf({ sparseInitializer: [sparse('w', values)] }),
  ],
  [
    'a Constant',
    'graph.node[0].attribute[0].t',
    'c',
    'c',
    values => withNode(constant({ name: 'value', t: pairOf('', values) })),
  ],
  [
    'a sparse Constant',
    'graph.node[0].attribute[0].sparse_tensor.values',
    'c',
    'c',
    values => withNode(constant({ name: 'sparse_value', sparseTensor: sparse('', values) })),
  ],
  [
    'value_floats of a Constant',
    'graph.node[0].attribute[0].floats',
    'c',
    'c',
    values => withNode(constant({ name: 'value_floats', floats: values })),
  ],
  [
    'unpacked value_floats before their name',
    'graph.node[0].attribute[0].floats',
    'c',
    'c',
    values => wireAttribute(...values.map(value => float32Field(attributeField.floats, value)), wireName),
  ],
  [
    'value_floats in several runs, one of them empty',
    'graph.node[0].attribute[0].floats',
    'c',
    'c',
    ([first, second]) =>
      wireAttribute(
        bytesField(attributeField.floats, float32Bytes([first])),
        wireName,
        bytesField(attributeField.floats, ''),
        float32Field(attributeField.floats, second),
        varintField(attributeField.type, 6),
      ),
  ],
  [
    'an attribute of an operator that nobody knows',
    'graph.node[0].attribute[0].t',
    'w',
    'n',
    values =>
      withNode({
        opType: 'Custom',
        domain: 'custom',
        output: ['n'],
        attribute: [{ name: 'kernel', t: pairOf('w', values) }],
      }),
  ],
  [
    'a list of tensors in an attribute',
    'graph.node[0].attribute[0].tensors[1]',
    'w',
    'n',
    values =>
      withNode({
        opType: 'Custom',
        domain: 'custom',
        output: ['n'],
        attribute: [{ name: 'all', tensors: [pairOf('a', [1, 2]), pairOf('w', values)] }],
      }),
  ],
  [
    'a Constant of a function',
    'functions[0].node[0].attribute[0].t',
    'c',
    'called',
    values =>
      encodeModel({
        irVersion: 8,
        opsetImport: [{ version: 13 }],
        graph: { node: [{ opType: 'F', domain: 'f', output: ['called'] }] },
        functions: [
          { name: 'F', domain: 'f', output: ['c'], node: [constant({ name: 'value', t: pairOf('', values) })] },
        ],
      }),
  ],
  [
    'the graph of a training step',
    'training_info[0].algorithm.initializer[0]',
    'w',
    '',
    values =>
      encodeModel({
        irVersion: 8,
        opsetImport: [{ version: 13 }],
        graph: {},
        trainingInfo: [{ algorithm: { initializer: [pairOf('w', values)], output: [{ name: 'w' }] } }],
      }),
  ],
]

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
      wireAttribute(
        float32Field(attributeField.f, 7),
        bytesField(attributeField.name, 'value_float'),
        float32Field(attributeField.f, value),
      )
    const soup = soupInMemory(pair(model(1), model(4)))
    expect(soup.equals(model(2.5))).toBe(true)
  })

  test('floats of another attribute are no weights', () => {
    const model = (name: string, value: number) => reading(withNode(constant({ name, floats: [value], f: value })), 'c')
    refusalOf(() => soupOfFiles(pair(model('values', 1), model('values', 2))), 'TUREEN_MODELS_DIFFER')
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
      { numRuns: 300 },
    )
  })
})

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
        return modelOf({ node: [...(node ?? []), user], initializer: [...(own ?? []), pairOf('w', w)] })
      }
      for (const nonFloat of ['error', 'base'] as const) {
        const { errors } = refusalOf(
          () => soupOfFiles(pair(model([1, 2], [1, 2]), model([1, 3], [3, 4])), { nonFloat }),
          'TUREEN_NON_FLOAT_DIFFERS',
        )
        expect(errors).toEqual([
          {
            model: 'second',
            tensor: 'p',
            node: 'user',
            message: expect.stringMatching(`parameter ${slot} of the node user`),
          },
        ])
      }
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
      { tensor: 'c', message: expect.stringMatching(/no weight but the output c of the model/) },
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
        ]),
      )
    expect(selfSoup(model(0x3c00)).equals(model(0x3c00))).toBe(true)
    refusalOf(() => soupOfFiles(pair(model(0x3c00), model(0x4000))), 'TUREEN_NON_FLOAT_DIFFERS', /Clip #0|differ/)
  })
})
