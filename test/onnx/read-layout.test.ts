import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import type { Layout, Span } from '../../src/onnx/layout.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { anyModel } from '../support/any-model.ts'
import { elementsOf, readElements } from '../support/elements.ts'
import { layoutOf } from '../support/inspecting.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { stopwatch } from '../support/processor-time.ts'
import { randomCases } from '../support/random-cases.ts'
import { encodeModel, richModel } from '../support/rich-model.ts'
import { virtualSource } from '../support/virtual-source.ts'
import {
  bytesField,
  float32Bytes,
  modelBytes,
  onnxField,
  parseFields,
  tensorBytes,
  varint,
  varintField,
} from '../support/wire-bytes.ts'

const { model: modelField, graph: graphField, tensor: tensorField } = onnxField

/** What a layout says of its tensors, in the form of {@link tensorsOf}. */
function tensorsIn(model: Uint8Array) {
  const source = memorySource(model)
  return readLayout(source).tensors.map(tensor => ({
    path: tensor.path,
    name: tensor.name,
    dataType: tensor.dataType,
    dims: tensor.dims,
    bytes: readElements(tensor, source).toString('hex'),
    external: tensor.payload.form === 'external',
  }))
}

const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1)

function expectTensorsAsDecoded(model: Uint8Array): void {
  const decoded = tensorsOf(model).map(tensor => ({ ...tensor, bytes: tensor.bytes.toString('hex') }))
  expect(tensorsIn(model).sort(byPath)).toEqual(decoded.sort(byPath))
}

describe('tensors are found wherever they stand, with the bytes that onnx-proto finds there', () => {
  test('in a model with everything: initializers, Constant, both branches of an If, a function, sparse, training', () => {
    const model = richModel()
    expectTensorsAsDecoded(model)
    expect(layoutOf(model).tensors.map(({ path, name }) => `${path} ${name}`)).toEqual([
      'graph.node[1].attribute[0].t offset',
      'graph.node[4].attribute[0].g.initializer[0] then.factor',
      'graph.node[4].attribute[1].g.initializer[0] else.factor',
      'graph.initializer[0] W',
      'graph.initializer[1] b',
      'graph.initializer[2] half',
      'graph.initializer[3] double',
      'graph.initializer[4] shape',
      'graph.initializer[5] names',
      'graph.sparse_initializer[0].values sparse',
      'graph.sparse_initializer[0].indices ',
      'training_info[0].algorithm.initializer[0] rate',
      'functions[0].node[0].attribute[0].t factor',
    ])
  })

  test('in any model at all', () => {
    fc.assert(
      fc.property(anyModel, model => expectTensorsAsDecoded(encodeModel(model))),
      { numRuns: randomCases(300) },
    )
  })
})

describe('the messages around tensors', () => {
  test('any tensor is framed by messages that lie in each other, up to the model', () => {
    fc.assert(
      fc.property(anyModel, model => {
        const bytes = encodeModel(model)
        const { frames, tensors } = layoutOf(bytes)
        for (const { frame } of tensors) expect(frames[frame]).toBeDefined()
        frames.forEach(({ parent, lengthStart, payload, end }, index) => {
          const around = parent < 0 ? { payload: 0, end: bytes.byteLength } : frames[parent]
          expect(parent).toBeLessThan(index)
          const field = parseFields(bytes, around?.payload, around?.end).find(({ tagEnd }) => tagEnd === lengthStart)
          expect(field).toMatchObject({ type: 2, payload, end })
        })
      }),
      { numRuns: randomCases(100) },
    )
  })
})

/** The stretches of a file that hold elements of tensors, without tags and lengths. */
function payloadSpans({ tensors }: Layout): Span[] {
  return tensors.flatMap(({ payload }) => {
    switch (payload.form) {
      case 'raw':
        return [{ start: payload.offset, end: payload.offset + payload.length }]
      case 'fixed':
        return payload.runs.map(run => ({ start: run.offset, end: run.offset + run.count * run.width }))
      case 'varint':
        return payload.runs.map(run => ({ start: run.offset, end: run.end }))
      case 'strings':
        return payload.values
      default:
        return []
    }
  })
}

describe('payloads are skipped', () => {
  test('what they hold makes no difference to the index of any model', () => {
    fc.assert(
      fc.property(anyModel, fc.integer({ min: 0, max: 255 }), (model, byte) => {
        const bytes = encodeModel(model)
        const layout = layoutOf(bytes)
        const overwritten = Buffer.from(bytes)
        for (const { start, end } of payloadSpans(layout)) overwritten.fill(byte, start, end)
        expect(layoutOf(overwritten)).toEqual(layout)
      }),
      { numRuns: randomCases(150) },
    )
  })

  test('a model of 40 GB in 400 tensors is indexed from less than 10 MB of it, at once', () => {
    const payloadBytes = 100_000_000
    const initializers = Array.from({ length: 400 }, (_, index) => {
      const header = tensorBytes(`W${index}`, 1, [payloadBytes / 4])
      const opening = Buffer.concat([header, varint(tensorField.rawData * 8 + 2), varint(payloadBytes)])
      const length = opening.byteLength + payloadBytes
      return [Buffer.concat([varint(graphField.initializer * 8 + 2), varint(length), opening]), { hole: payloadBytes }]
    }).flat()
    const graphLength = initializers.reduce(
      (sum, part) => sum + (part instanceof Uint8Array ? part.byteLength : part.hole),
      0,
    )
    const source = virtualSource([
      Buffer.concat([varintField(modelField.irVersion, 8), varint(modelField.graph * 8 + 2), varint(graphLength)]),
      ...initializers,
      bytesField(modelField.opsetImport, varintField(2, 13)),
    ])
    expect(source.byteLength).toBeGreaterThan(40e9)
    const elapsed = stopwatch()
    const { tensors, skeleton } = readLayout(source)
    expect(elapsed()).toBeLessThan(500)
    expect(tensors).toHaveLength(400)
    expect(tensors.at(-1)).toMatchObject({
      name: 'W399',
      elements: 25_000_000,
      payload: { form: 'raw', length: payloadBytes },
    })
    expect(source.bytesRead()).toBeLessThan(10e6)
    expect(skeleton.byteLength).toBeLessThan(20_000)
  })

  test.each([
    [
      'packed float_data',
      1,
      (bytes: number) => Buffer.concat([varint(tensorField.floatData * 8 + 2), varint(bytes)]),
      4,
    ],
    [
      'packed double_data',
      11,
      (bytes: number) => Buffer.concat([varint(tensorField.doubleData * 8 + 2), varint(bytes)]),
      8,
    ],
    [
      'packed int32_data',
      10,
      (bytes: number) => Buffer.concat([varint(tensorField.int32Data * 8 + 2), varint(bytes)]),
      2,
    ],
  ])('%s of a gigabyte is not read either', (_, dataType, opening, width) => {
    const bytes = 1 << 30
    const head = Buffer.concat([tensorBytes('W', dataType, [bytes / width]), opening(bytes)])
    const initializer = Buffer.concat([varint(graphField.initializer * 8 + 2), varint(head.byteLength + bytes), head])
    const source = virtualSource([
      Buffer.concat([varint(modelField.graph * 8 + 2), varint(initializer.byteLength + bytes), initializer]),
      { hole: bytes },
    ])
    expect(readLayout(source).tensors).toMatchObject([{ name: 'W', dims: [bytes / width] }])
    expect(source.bytesRead()).toBeLessThan(100_000)
  })

  test('doc strings, metadata and fields that nobody knows are not read either, whatever their size', () => {
    const bytes = 1 << 30
    const hole = (number: number) => [Buffer.concat([varint(number * 8 + 2), varint(bytes)]), { hole: bytes }]
    const graph = Buffer.concat([bytesField(modelField.graph, bytesField(graphField.name, 'g'))])
    const source = virtualSource([...hole(modelField.docString), graph, ...hole(1999)])
    expect(readLayout(source)).toMatchObject({ tensors: [], opaque: [{ span: { end: source.byteLength } }] })
    expect(source.bytesRead()).toBeLessThan(100_000)
  })
})

describe('what protobuf allows and writers seldom do', () => {
  const weights = tensorBytes('W', 1, [2], bytesField(tensorField.rawData, float32Bytes([1, 2])))
  const plain = modelBytes([weights])

  test('fields of a tensor in any order', () => {
    const fields = parseFields(weights).map(({ start, end }) => weights.subarray(start, end))
    fc.assert(
      fc.property(fc.shuffledSubarray(fields, { minLength: fields.length }), shuffled => {
        expect(tensorsIn(modelBytes([Buffer.concat(shuffled)]))).toEqual(tensorsIn(plain))
      }),
    )
  })

  test('the graph behind everything else, or before', () => {
    const fields = parseFields(plain).map(({ start, end }) => plain.subarray(start, end))
    expect(tensorsIn(Buffer.concat(fields.reverse()))).toEqual(tensorsIn(plain))
  })

  test('fields that no schema knows, of every wire type, in every message', () => {
    const unknown = Buffer.concat([
      varintField(1000, 2n ** 63n),
      bytesField(1001, 'new in IR 15'),
      Buffer.concat([varint(1002 * 8 + 5), Buffer.alloc(4, 0xff)]),
      Buffer.concat([varint(1003 * 8 + 1), Buffer.alloc(8, 0xff)]),
    ])
    const model = Buffer.concat([unknown, modelBytes([Buffer.concat([unknown, weights, unknown])], unknown), unknown])
    const layout = layoutOf(model)
    expect(tensorsIn(model)).toEqual(tensorsIn(plain))
    expect(layout.opaque.map(({ path, span }) => [path, span.end - span.start])).toEqual(
      ['model', 'graph.initializer[0]', 'graph.initializer[0]', 'graph', 'model'].flatMap(path => [
        [`${path}.#1000`, 12],
        [`${path}.#1001`, 15],
        [`${path}.#1002`, 6],
        [`${path}.#1003`, 10],
      ]),
    )
  })

  test('lengths written wider than they need be', () => {
    const padded = Buffer.concat([
      bytesField(modelField.graph, bytesField(graphField.initializer, weights, 5), 10),
      varintField(modelField.irVersion, 8),
    ])
    expect(tensorsIn(padded)).toEqual(tensorsIn(plain))
    expect(layoutOf(padded).frames.map(({ lengthStart, payload }) => payload - lengthStart)).toEqual([10, 5])
  })

  test('dims packed into one field, or one by one, or both', () => {
    const packed = Buffer.concat([
      bytesField(tensorField.dims, [varint(2), varint(1, 3)]),
      varintField(tensorField.dims, 3),
      varintField(tensorField.dataType, 1),
      bytesField(tensorField.name, 'W'),
      bytesField(tensorField.rawData, Buffer.alloc(24)),
    ])
    expect(tensorsIn(modelBytes([packed]))).toMatchObject([{ dims: [2, 1, 3] }])
  })

  test('a singular field written twice: the last one counts', () => {
    const twice = Buffer.concat([bytesField(tensorField.name, 'old'), weights])
    const raw = Buffer.concat([bytesField(tensorField.rawData, float32Bytes([9, 9])), weights])
    expect(tensorsIn(modelBytes([twice]))).toEqual(tensorsIn(plain))
    expect(tensorsIn(modelBytes([raw]))).toEqual(tensorsIn(plain))
  })

  test('names that are properties of every object', () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString']
    const model = modelBytes(
      names.map(name => tensorBytes(name, 1, [], bytesField(tensorField.rawData, float32Bytes([1])))),
    )
    expect(layoutOf(model).tensors.map(({ name }) => name)).toEqual(names)
    expect(elementsOf(model, '__proto__')).toBe('0000803f')
  })

  test('metadata is found with its keys, the last key of an entry counting', () => {
    const entry = (...keys: string[]) =>
      bytesField(
        modelField.metadataProps,
        keys.map(key => bytesField(1, key)),
      )
    const model = Buffer.concat([entry('first'), plain, entry('a', 'tureen.b'), entry()])
    expect(layoutOf(model).metadata.map(({ key }) => key)).toEqual(['first', 'tureen.b', ''])
    expect(layoutOf(model).metadata[0]?.span).toEqual({ start: 0, end: entry('first').byteLength })
  })
})
