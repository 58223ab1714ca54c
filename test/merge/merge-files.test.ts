import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import onnxProto, { type onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeFiles } from '../../src/threads/merge-task.ts'
import { refusalOf } from '../support/catalogue.ts'
import { layoutOf } from '../support/inspecting.ts'
import { float32Tensor, int64Tensor, linearModel, rawInitializer } from '../support/onnx-model.ts'
import { initializerBytes, withoutPayloads } from '../support/onnx-oracle.ts'
import { modelOf, type RichModel, richModel } from '../support/rich-model.ts'
import { checkFiles, digest, type SoupInput, selfSoup, soupOfFiles } from '../support/soup.ts'
import { structuralChanges } from '../support/structure-changes.ts'
import {
  bytesField,
  float32Bytes,
  float32Field,
  modelBytes,
  onnxField,
  parseFields,
  tensorBytes,
  varint,
  varintField,
} from '../support/wire-bytes.ts'

const field = onnxField.tensor

const pair = (first: Uint8Array, second: Uint8Array): SoupInput[] => [
  { bytes: first, weight: 1, label: 'first' },
  { bytes: second, weight: 1, label: 'second' },
]

function floats(model: Uint8Array, name: string): number[] {
  return [...new Float32Array(Uint8Array.from(initializerBytes(model, name)).buffer)]
}

const richWithWeights = (weights: number[]) =>
  richModel(({ graph }) => void graph.initializer?.splice(0, 1, float32Tensor('W', [3, 2], weights)))

describe('what is merged', () => {
  test('each float tensor, initializers by name, and nothing else', () => {
    const [a, b] = [richWithWeights([1, 2, 3, 4, 5, 6]), richWithWeights([3, 2, 1, 0, -1, -2])]
    const { content, report } = soupOfFiles(pair(a, b))
    expect(floats(content, 'W')).toEqual([2, 2, 2, 2, 2, 2])
    expect(floats(content, 'b')).toEqual([0.1, 0.2].map(Math.fround))
    expect(withoutPayloads(content)).toEqual(withoutPayloads(a))
    // shape, names and the indices of the sparse tensor are not float, a scalar Constant is a number of the arithmetic; half is
    // stored as varints and carried, all others are read.
    expect(report.tensors).toEqual({ averaged: 1, copied: 8, nonFloat: 4 })
    expect(report).toMatchObject({ nonFinite: 0, bytesWritten: content.byteLength })
  })

  test('initializers in another order are matched by name', () => {
    const b = richModel(({ graph }) => {
      graph.initializer?.splice(0, 1, float32Tensor('W', [3, 2], [9, 9, 9, 9, 9, 9]))
      graph.initializer?.reverse()
    })
    expect(floats(soupOfFiles(pair(richModel(), b)).content, 'W')).toEqual([5, 5.5, 6, 6.5, 7, 7.5])
  })

  test('names that are properties of every object', () => {
    const model = (value: number) =>
      modelOf({
        initializer: ['__proto__', 'constructor'].map((name, index) => float32Tensor(name, [1], [value + index])),
      })
    const { content } = soupOfFiles(pair(model(1), model(3)))
    expect([floats(content, '__proto__'), floats(content, 'constructor')]).toEqual([[2], [3]])
  })

  test('the result is the file of the base, whichever it is, doc strings and producer included', () => {
    const [a, b] = [
      linearModel([1, 2], [3]),
      linearModel([3, 4], [5], model => Object.assign(model, { producerName: 'b', docString: 'b' })),
    ]
    const asFirst = soupOfFiles(pair(a, b)).content
    const asSecond = soupOfFiles(pair(a, b), { base: 1 }).content
    expect(onnxProto.onnx.ModelProto.decode(asFirst)).toMatchObject({ producerName: 'tureen-tests' })
    expect(onnxProto.onnx.ModelProto.decode(asSecond)).toMatchObject({ producerName: 'b', docString: 'b' })
    for (const soup of [asFirst, asSecond]) expect([floats(soup, 'W'), floats(soup, 'b')]).toEqual([[2, 3], [4]])
  })

  test('a base without a weight lends its file, not its weights', () => {
    const inputs: SoupInput[] = [
      ...pair(linearModel([1, 2], [3]), linearModel([3, 4], [5])),
      { bytes: linearModel([100, 100], [100], model => Object.assign(model, { docString: 'base' })), weight: null },
    ]
    const { content } = soupOfFiles(inputs, { base: 2 })
    expect(onnxProto.onnx.ModelProto.decode(content).docString).toBe('base')
    expect([floats(content, 'W'), floats(content, 'b')]).toEqual([[2, 3], [4]])
  })

  test('a model may stand twice in a recipe', () => {
    const [a, b] = [linearModel([0, 3], [0]), linearModel([3, 0], [3])]
    const [first, second] = pair(a, b)
    if (!first || !second) throw new Error('two inputs are needed')
    expect(floats(soupOfFiles([first, second, first]).content, 'W')).toEqual([1, 2])
  })

  test('weights may be negative, fractions, zero', () => {
    const models = pair(linearModel([1, 2], [3]), linearModel([3, 4], [5]))
    const soup = (...weights: number[]) =>
      floats(soupOfFiles(models.map((input, index) => ({ ...input, weight: weights[index] ?? 0 }))).content, 'W')
    expect(soup(1.5, -0.5)).toEqual([0, 1])
    expect(soup(0, 4)).toEqual([3, 4])
    expect(soup(1e-300, 1e-300)).toEqual([2, 3])
  })
})

describe('storage', () => {
  const halves = (...codes: number[]) =>
    modelBytes([
      tensorBytes(
        'h',
        10,
        [codes.length],
        bytesField(
          field.int32Data,
          codes.map(code => varint(code)),
        ),
      ),
      tensorBytes('after', 1, [1], bytesField(field.rawData, float32Bytes([1]))),
    ])

  test('halves stored as varints become raw_data where they change; all else stays', () => {
    const base = halves(0x3c00, 0x0001, 0x4000)
    const { content } = soupOfFiles(pair(base, halves(0x4000, 0x0001, 0x4000)))
    const expected = modelBytes([
      tensorBytes('h', 10, [3], bytesField(field.rawData, Buffer.from('003e01000040', 'hex'))),
      tensorBytes('after', 1, [1], bytesField(field.rawData, float32Bytes([1]))),
    ])
    expect(content.toString('hex')).toBe(expected.toString('hex'))
  })

  test('several runs of varints become one raw_data, where the first stood', () => {
    const model = (...codes: [number, number, number]) =>
      modelBytes([
        Buffer.concat([
          varintField(field.int32Data, codes[0]),
          varintField(field.dataType, 10),
          bytesField(field.int32Data, [varint(codes[1])]),
          varintField(field.dims, 3),
          varintField(field.int32Data, codes[2]),
          bytesField(field.name, 'h'),
        ]),
      ])
    const { content } = soupOfFiles(pair(model(0x3c00, 0x3c00, 0x3c00), model(0x4000, 0x4000, 0x4000)))
    const expected = modelBytes([
      Buffer.concat([
        bytesField(field.rawData, Buffer.from('003e003e003e', 'hex')),
        varintField(field.dataType, 10),
        varintField(field.dims, 3),
        bytesField(field.name, 'h'),
      ]),
    ])
    expect(content.toString('hex')).toBe(expected.toString('hex'))
  })

  test('float_data written one by one stays so: only the values change', () => {
    const model = (...values: number[]) =>
      modelBytes([tensorBytes('W', 1, [values.length], ...values.map(value => float32Field(field.floatData, value)))])
    const { content } = soupOfFiles(pair(model(1, 2, 3), model(3, 4, 5)))
    expect(content.toString('hex')).toBe(model(2, 3, 4).toString('hex'))
  })

  test('lengths that were written wider than they need be stay so', () => {
    const model = (value: number) => {
      const tensor = tensorBytes('W', 1, [1], bytesField(field.rawData, float32Bytes([value]), 4))
      return Buffer.concat([
        bytesField(onnxField.model.graph, bytesField(onnxField.graph.initializer, tensor, 3), 5),
        bytesField(onnxField.model.opsetImport, varintField(2, 13)),
      ])
    }
    const { content } = soupOfFiles(pair(model(1), model(3)))
    expect(content.toString('hex')).toBe(model(2).toString('hex'))
  })

  test('tensors without elements agree, however nothing is stored', () => {
    const stored: Uint8Array[] = [Buffer.alloc(0), bytesField(field.rawData, ''), bytesField(field.floatData, '')]
    const model = (empty: Uint8Array) =>
      modelBytes([
        tensorBytes('empty', 1, [0], empty),
        tensorBytes('none', 7, [0], empty.byteLength ? bytesField(field.rawData, '') : empty),
        tensorBytes('W', 1, [1], bytesField(field.rawData, float32Bytes([1]))),
      ])
    for (const first of stored) for (const second of stored) soupOfFiles(pair(model(first), model(second)))
  })

  test('integers agree by value, however they are stored', () => {
    const model = (payload: Uint8Array) => modelBytes([tensorBytes('shape', 7, [2], payload)])
    const raw = model(bytesField(field.rawData, Buffer.from('feffffffffffffff0500000000000000', 'hex')))
    const typed = model(bytesField(field.int64Data, [varint(-2), varint(5)]))
    expect(soupOfFiles(pair(raw, typed)).content.equals(raw)).toBe(true)
    expect(soupOfFiles(pair(typed, raw)).content.equals(typed)).toBe(true)
  })
})

describe('models that are not variants of one network', () => {
  test.each(structuralChanges)('differ in %s: refused, naming the model', (_, change) => {
    const { errors } = refusalOf(() => checkFiles(pair(richModel(), richModel(change))), 'TUREEN_MODELS_DIFFER')
    expect(errors.length).toBeGreaterThan(0)
    for (const { model, message } of errors)
      expect({ model, message }).toEqual({ model: 'second', message: expect.any(String) })
  })

  test('all differences of all models are listed at once, values of what is not averaged among them', () => {
    const otherShape = (model: RichModel) =>
      void model.graph.initializer?.splice(4, 1, int64Tensor('shape', [2], [3, 3]))
    const otherAttributes = ({ graph }: RichModel) => {
      Object.assign(graph.node?.[3]?.attribute?.[0] ?? {}, { f: 0.5 })
      Object.assign(graph.node?.[5]?.attribute?.[1] ?? {}, { ints: [2] })
    }
    const inputs = [
      ...pair(
        richModel(),
        richModel(({ graph }) => Object.assign(graph.node?.[2] ?? {}, { opType: 'Sub' })),
      ),
      { bytes: richModel(otherShape), weight: 1, label: 'third' },
      { bytes: richModel(otherAttributes), weight: 1, label: 'fourth' },
    ]
    const { errors } = refusalOf(() => checkFiles(inputs), 'TUREEN_MODELS_DIFFER')
    expect(errors.map(({ model, node, tensor }) => [model, node ?? tensor])).toEqual([
      ['second', 'add'],
      ['fourth', 'custom'],
      ['fourth', 'leak'],
      ['third', 'shape'],
    ])
  })

  test('are compared with the base, not with the first', () => {
    const inputs = pair(
      richModel(),
      richModel(({ graph }) => Object.assign(graph.node?.[2] ?? {}, { opType: 'Sub' })),
    )
    const { errors } = refusalOf(() => checkFiles(inputs, { base: 1 }), 'TUREEN_MODELS_DIFFER')
    expect(errors).toMatchObject([
      { model: 'first', node: 'add', message: expect.stringMatching(/Add.*the base has Sub/) },
    ])
  })

  test('of an initializer that stands twice in a model the last is averaged, as onnxruntime takes it, the other kept', () => {
    const twice = (dead: number[], live: number[]) =>
      linearModel(dead, [3], ({ graph }) => void graph.initializer?.push(float32Tensor('W', [2, 1], live)))
    const valuesIn = (model: Uint8Array) =>
      (onnxProto.onnx.ModelProto.decode(model).graph?.initializer ?? []).map(({ name, rawData }) => [
        name,
        ...new Float32Array(Uint8Array.from(rawData ?? []).buffer),
      ])
    const [a, b, once] = [twice([1, 2], [5, 6]), twice([7, 8], [9, 8]), linearModel([1, 4], [3])]
    expect(valuesIn(soupOfFiles(pair(a, once)).content)).toEqual([
      ['W', 1, 2],
      ['b', 3],
      ['W', 3, 5],
    ])
    expect(valuesIn(soupOfFiles(pair(once, a)).content)).toEqual([
      ['W', 3, 5],
      ['b', 3],
    ])
    expect(valuesIn(soupOfFiles(pair(a, b)).content).at(-1)).toEqual(['W', 7, 7])
    expect(selfSoup(a).equals(a)).toBe(true)
  })

  test('a graph that has a cycle, or a name for two values, is refused, the model and the node named', () => {
    const whole = linearModel([1, 2], [3])
    const cycle = linearModel([1, 2], [3], ({ graph }) => Object.assign(graph.node?.[0] ?? {}, { input: ['y', 'W'] }))
    const both = linearModel(
      [1, 2],
      [3],
      ({ graph }) => void graph.node?.push({ name: 'again', opType: 'Relu', input: ['x'], output: ['y'] }),
    )
    for (const [odd, node] of [
      [cycle, /multiply|add/],
      [both, /again/],
    ] as const) {
      for (const [inputs, model] of [
        [pair(odd, whole), 'first'],
        [pair(whole, odd), 'second'],
      ] as const) {
        const { errors } = refusalOf(() => soupOfFiles(inputs), 'TUREEN_MODEL_MALFORMED')
        expect(errors).toMatchObject([{ model, node: expect.stringMatching(node) }])
      }
    }
  })
})

describe('values that are never averaged', () => {
  const changed = (change: (graph: onnx.IGraphProto) => unknown) => richModel(({ graph }) => void change(graph))
  const initializer = (name: string, tensor: onnx.ITensorProto) => (graph: onnx.IGraphProto) =>
    graph.initializer?.splice(
      graph.initializer.findIndex(each => each.name === name),
      1,
      tensor,
    )

  test.each([
    ['an integer initializer', changed(initializer('shape', int64Tensor('shape', [2], [2, -1]))), { tensor: 'shape' }],
    [
      'a text initializer, the same letters divided differently',
      changed(
        initializer('names', {
          name: 'names',
          dims: [2],
          dataType: 8,
          stringData: [Buffer.from('xy'), Buffer.from('y')],
        }),
      ),
      { tensor: 'names' },
    ],
    [
      'the indices of a sparse initializer',
      changed(graph => Object.assign(graph.sparseInitializer?.[0] ?? {}, { indices: int64Tensor('', [2], [0, 4]) })),
      { tensor: 'graph.sparse_initializer[0].indices' },
    ],
  ])('%s: a difference is refused and named', (_, other, place) => {
    for (const task of [soupOfFiles, checkFiles]) {
      const { errors } = refusalOf(() => task(pair(richModel(), other)), 'TUREEN_NON_FLOAT_DIFFERS')
      expect(errors).toEqual([{ model: 'second', ...place, message: expect.any(String) }])
    }
  })

  test('"nonFloat": "base" takes those of the base for initializers', () => {
    const other = changed(initializer('shape', int64Tensor('shape', [2], [2, -1])))
    const soup = (base: number) => soupOfFiles(pair(richModel(), other), { nonFloat: 'base', base }).content
    expect(initializerBytes(soup(0), 'shape')).toEqual(initializerBytes(richModel(), 'shape'))
    expect(initializerBytes(soup(1), 'shape')).toEqual(initializerBytes(other, 'shape'))
  })

  test('"nonFloat": "base" does not let what stands inside the graph differ', () => {
    const other = changed(graph =>
      Object.assign(graph.sparseInitializer?.[0] ?? {}, { indices: int64Tensor('', [2], [0, 4]) }),
    )
    refusalOf(() => soupOfFiles(pair(richModel(), other), { nonFloat: 'base' }), 'TUREEN_NON_FLOAT_DIFFERS')
  })

  test('of quantised weights the reason is explained', () => {
    const model = (byte: number) =>
      modelBytes([tensorBytes('W_quantized', 3, [2], bytesField(field.rawData, Buffer.from([1, byte])))])
    const { errors } = refusalOf(() => soupOfFiles(pair(model(1), model(2))), 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors).toMatchObject([
      { model: 'second', tensor: 'W_quantized', message: expect.stringMatching(/quantise/) },
    ])
  })
})

/** What a model may be refused with that lacks elements. */
const anyRefusal: ErrorCode[] = [
  'TUREEN_MODEL_MALFORMED',
  'TUREEN_MODEL_INCOMPLETE',
  'TUREEN_MODEL_UNSUPPORTED',
  'TUREEN_MODELS_DIFFER',
  'TUREEN_NON_FLOAT_DIFFERS',
]

describe('damage that shows only when elements are looked for', () => {
  const whole = linearModel([1, 2], [3])
  const hollow = linearModel(
    [1, 2],
    [3],
    ({ graph }) => void graph.initializer?.splice(0, 1, { name: 'W', dims: [2, 1], dataType: 1 }),
  )
  test.each([
    ['the other model', pair(whole, hollow)],
    ['the base', pair(hollow, whole)],
    [
      'both',
      pair(
        hollow,
        linearModel(
          [9, 9],
          [9],
          ({ graph }) => void graph.initializer?.splice(0, 1, { name: 'W', dims: [2, 1], dataType: 1 }),
        ),
      ),
    ],
  ])('a weight without data in %s is refused and named, not averaged with whatever stands there', (_, inputs) => {
    const error = refusalOf(() => soupOfFiles(inputs), anyRefusal)
    expect(error.errors).toContainEqual(expect.objectContaining({ tensor: 'W' }))
  })

  test('weights in the wrong field (double_data for float32) are refused, not carried as if they agreed', () => {
    const model = (value: number) =>
      modelOf({ initializer: [{ name: 'W', dims: [1], dataType: 1, doubleData: [value] }] })
    refusalOf(() => soupOfFiles(pair(model(1), model(2))), anyRefusal)
  })

  test('weights in a file of their own are refused, not read from the model', () => {
    const outside = linearModel([1, 2], [3], ({ graph }) => {
      const tensor = {
        name: 'W',
        dims: [2, 1],
        dataType: 1,
        dataLocation: 1,
        externalData: [{ key: 'location', value: 'w' }],
      }
      graph.initializer?.splice(0, 1, tensor)
    })
    for (const inputs of [pair(whole, outside), pair(outside, whole)]) {
      refusalOf(() => soupOfFiles(inputs), anyRefusal)
    }
  })

  test('too few halves in a model are refused, naming the model and the tensor', () => {
    const model = (...codes: number[]) =>
      modelBytes([
        tensorBytes(
          'h',
          10,
          [3],
          bytesField(
            field.int32Data,
            codes.map(code => varint(code)),
          ),
        ),
      ])
    const { errors } = refusalOf(
      () => soupOfFiles(pair(model(1, 2, 3), model(1, 2))),
      'TUREEN_MODEL_MALFORMED',
      /fewer/,
    )
    expect(errors).toMatchObject([{ model: 'second', tensor: 'h' }])
  })

  test('a file that is no model is refused, naming it', () => {
    const { errors } = refusalOf(() => soupOfFiles(pair(whole, Buffer.from('{"a": 1}'))), 'TUREEN_NOT_ONNX')
    expect(errors).toMatchObject([{ model: 'second' }])
  })
})

describe('weights', () => {
  test.each([
    ['1, -1', [1, -1]],
    ['0', [0, 0]],
    ['more than a double holds', [1e308, 1e308]],
    ['not a number', [Number.NaN, 1]],
  ])('that sum to %s are refused', (_, [first = 0, second = 0]) => {
    const inputs = pair(linearModel([1], [2]), linearModel([3], [4])).map((input, index) => ({
      ...input,
      weight: index ? second : first,
    }))
    refusalOf(() => soupOfFiles(inputs), 'TUREEN_WEIGHTS_INVALID')
  })

  test('that are not normalized add and scale', () => {
    const inputs = pair(linearModel([1, 2], [3]), linearModel([3, 4], [5])).map((input, index) => ({
      ...input,
      weight: index ? -1 : 1,
    }))
    const difference = soupOfFiles(inputs, { normalize: false }).content
    expect([floats(difference, 'W'), floats(difference, 'b')]).toEqual([[-2, -2], [-2]])
    const halved = soupOfFiles([{ bytes: linearModel([1, 2], [3]), weight: 0.5 }], { normalize: false }).content
    expect([floats(halved, 'W'), floats(halved, 'b')]).toEqual([[0.5, 1], [1.5]])
  })
})

describe('results that are not finite are counted once each', () => {
  const infinity = Number.POSITIVE_INFINITY
  const halves = (...codes: number[]) =>
    tensorBytes(
      'h',
      10,
      [codes.length],
      bytesField(
        field.int32Data,
        codes.map(code => varint(code)),
      ),
    )
  const floats32 = (...values: number[]) =>
    tensorBytes('W', 1, [values.length], bytesField(field.rawData, float32Bytes(values)))
  const counted = (first: Uint8Array[], second: Uint8Array[], normalize: boolean) =>
    soupOfFiles(pair(modelBytes(first), modelBytes(second)), { normalize }).report.nonFinite

  test.each([
    [
      'in raw tensors that are equal',
      [floats32(Number.NaN, 1, infinity)],
      [floats32(Number.NaN, 1, infinity)],
      true,
      2,
    ],
    ['in raw tensors that differ', [floats32(Number.NaN, 1, infinity, 1)], [floats32(1, 2, -infinity, 1)], true, 2],
    ['that come out of finite ones', [floats32(3e38, 1)], [floats32(3e38, 2)], false, 1],
    ['in varints that are equal', [halves(0x7c00, 0x7e00, 1)], [halves(0x7c00, 0x7e00, 1)], true, 2],
    ['in varints that differ', [halves(0x7c00, 0x7e00, 1)], [halves(0x7c00, 0x7e00, 2)], true, 2],
    [
      'in varints that are equal, all being computed',
      [halves(0x7c00, 0x7e00, 1)],
      [halves(0x7c00, 0x7e00, 1)],
      false,
      2,
    ],
  ])('%s', (_, first, second, normalize, expected) => {
    // A further field, so that the two are two models.
    const marked = [...second, tensorBytes('marker', 1, [1], bytesField(field.rawData, float32Bytes([2])))]
    const unmarked = [...first, tensorBytes('marker', 1, [1], bytesField(field.rawData, float32Bytes([1])))]
    expect(counted(unmarked, marked, normalize)).toBe(expected)
  })
})

describe('provenance', () => {
  const metadataOf = (model: Uint8Array) =>
    onnxProto.onnx.ModelProto.decode(model).metadataProps.map(({ key, value }) => [key ?? '', value ?? ''])
  const [a, b] = [richWithWeights([1, 2, 3, 4, 5, 6]), richWithWeights([3, 2, 1, 0, -1, -2])]

  test('says how the soup was made, by digests, after what the base says of itself', () => {
    const { content } = soupOfFiles(
      [
        { bytes: a, weight: 2, label: 'secret name' },
        { bytes: b, weight: 3 },
      ],
      { provenance: true },
    )
    expect(metadataOf(content)).toEqual([
      ['author', 'nobody'],
      ['tureen.recipe', expect.any(String)],
      ['tureen.numerics', expect.stringMatching(/^\d+$/)],
    ])
    expect(JSON.parse(metadataOf(content)[1]?.[1] ?? '')).toEqual({
      method: 'linear',
      models: [
        { id: digest(a), weight: 2 },
        { id: digest(b), weight: 3 },
      ],
      normalize: true,
      nonFloat: 'error',
      provenance: true,
    })
    expect(content.includes('secret name')).toBe(false)
  })

  test('names the base where that is not the first', () => {
    const { content } = soupOfFiles(
      [
        { bytes: a, weight: 1 },
        { bytes: b, weight: null },
      ],
      { provenance: true, base: 1 },
    )
    expect(JSON.parse(metadataOf(content)[1]?.[1] ?? '')).toMatchObject({
      models: [{ id: digest(a), weight: 1 }],
      base: digest(b),
    })
  })

  test('is the only thing that is added: without it, the soup is the same file', () => {
    const inputs = pair(a, b)
    const [plain, with_] = [soupOfFiles(inputs).content, soupOfFiles(inputs, { provenance: true }).content]
    expect(with_.subarray(0, plain.byteLength).equals(plain)).toBe(true)
    expect(parseFields(with_, plain.byteLength).map(({ number }) => number)).toEqual([14, 14])
  })

  test('of an earlier soup is replaced, all else in the metadata stays where it is', () => {
    const entry = (key: string, value: string) =>
      bytesField(onnxField.model.metadataProps, [bytesField(1, key), bytesField(2, value)])
    const base = Buffer.concat([
      entry('tureen.recipe', 'old'),
      entry('first', '1'),
      linearModel([1], [2]),
      entry('tureen.numerics', '0'),
      entry('tureen.other', 'x'),
      entry('last', '2'),
      entry('tureenish', '3'),
    ])
    const soup = soupOfFiles(pair(base, linearModel([3], [4])), { provenance: true }).content
    expect(metadataOf(soup).map(([key]) => key)).toEqual([
      'first',
      'last',
      'tureenish',
      'tureen.recipe',
      'tureen.numerics',
    ])
    const again = soupOfFiles(pair(soup, linearModel([3], [4])), { provenance: true }).content
    expect(metadataOf(again).map(([key]) => key)).toEqual([
      'first',
      'last',
      'tureenish',
      'tureen.recipe',
      'tureen.numerics',
    ])
    expect(JSON.parse(metadataOf(again)[3]?.[1] ?? '').models[0].id).toBe(digest(soup))
  })

  test('makes no file too different to be merged again', () => {
    const soup = soupOfFiles(pair(a, b), { provenance: true }).content
    expect(floats(soupOfFiles(pair(soup, a)).content, 'W')).toEqual([1.5, 2, 2.5, 3, 3.5, 4])
  })
})

describe('the file that is written', () => {
  const inputs = pair(linearModel([1, 2], [3]), linearModel([3, 4], [5]))

  test('is the same every time', () => {
    const soups = Array.from({ length: 3 }, () => soupOfFiles(inputs, { provenance: true }))
    for (const { sha256, content } of soups) {
      expect(sha256).toBe(soups[0]?.sha256)
      expect(digest(content)).toBe(sha256)
    }
  })

  test('is announced with its length before it is computed, and its progress told to the end', () => {
    const steps: [number, number][] = []
    const { bytes } = soupOfFiles(inputs, {}, (done, total) => steps.push([done, total]))
    expect(steps[0]).toEqual([0, bytes])
    expect(steps.at(-1)).toEqual([bytes, bytes])
  })

  test('is not written on when the progress is refused', () => {
    const stop = () => {
      throw new Error('stop')
    }
    expect(() => soupOfFiles(inputs, {}, stop)).toThrow('stop')
  })

  test('does not replace one that is there', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tureen-output-'))
    try {
      const [path, output] = [join(directory, 'a.onnx'), join(directory, 'soup.onnx')]
      writeFileSync(path, linearModel([1], [2]))
      writeFileSync(output, 'precious')
      const merge = () =>
        mergeFiles([{ path, data: [], label: 'a', sha256: 'a', weight: 1 }], defaultSettings, output, false, () => {})
      expect(merge).toThrow(/EEXIST/)
      expect(readFileSync(output, 'utf8')).toBe('precious')
      expect(existsSync(path)).toBe(true)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('promise 6: a soup of a model with itself is that model, byte for byte', () => {
  test('with fields that no schema knows everywhere, unusual lengths, and every storage', () => {
    const odd = bytesField(1000, 'odd')
    const tensor = Buffer.concat([
      odd,
      tensorBytes('W', 10, [2], varintField(field.int32Data, 5), odd, bytesField(field.int32Data, [varint(7, 9)], 4)),
    ])
    const model = Buffer.concat([
      odd,
      modelBytes([tensor, tensorBytes('n', 1, [1], float32Field(field.floatData, Number.NaN))], odd),
      odd,
    ])
    expect(selfSoup(model).equals(model)).toBe(true)
    expect(layoutOf(model).tensors).toHaveLength(2)
  })
  test('with everything in it', () => {
    expect(selfSoup(richModel()).equals(richModel())).toBe(true)
    expect(rawInitializer(selfSoup(linearModel([1], [2])), 'W')).toEqual(rawInitializer(linearModel([1], [2]), 'W'))
  })
})
