import fc from 'fast-check'
import onnxProto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { type FieldRole, type MessageKind, messages } from '../../src/onnx/messages.ts'
import { decodeSkeleton, describeTensor } from '../../src/onnx/skeleton.ts'
import { anyModel } from '../support/any-model.ts'
import { refusalOf } from '../support/catalogue.ts'
import { descriptionOf, layoutOf } from '../support/inspecting.ts'
import { decodedSkeleton, withoutPayloads } from '../support/onnx-oracle.ts'
import { randomCases } from '../support/random-cases.ts'
import { encodeModel, modelOf, richModel } from '../support/rich-model.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varintField } from '../support/wire-bytes.ts'

describe('the skeleton', () => {
  test('of any model is that model without payloads, doc strings, metadata and long attribute values', () => {
    fc.assert(
      fc.property(anyModel, model => {
        const bytes = encodeModel(model)
        expect(decodedSkeleton(layoutOf(bytes).skeleton)).toEqual(withoutPayloads(bytes))
      }),
      { numRuns: randomCases(300) },
    )
  })

  test('does not grow with the tensors', () => {
    const model = (elements: number) =>
      modelBytes([tensorBytes('W', 1, [elements], bytesField(onnxField.tensor.rawData, Buffer.alloc(elements * 4)))])
    expect(layoutOf(model(60_000)).skeleton.byteLength).toBe(layoutOf(model(16_384)).skeleton.byteLength)
  })

  test.each([
    ['no IR version', undefined, 'refused'],
    ['IR version 1', 1, 'read'],
    ['IR version 2', 2, 'read'],
    ['IR version 3', 3, 'refused'],
  ])('a model that imports no operator set, with %s (%s): %s', (_, irVersion, end) => {
    const layout = layoutOf(encodeModel({ ...(irVersion ? { irVersion } : {}), graph: { name: 'g' } }))
    if (end === 'read') expect(decodeSkeleton(layout).graph?.name).toBe('g')
    else refusalOf(() => decodeSkeleton(layout), 'TUREEN_MODEL_MALFORMED', /operator set/)
  })

  test('of a model whose output has a dimension beyond 53 bits is refused', () => {
    const dim = [{ dimValue: -(2 ** 60) }]
    const output = [{ name: 'y', type: { tensorType: { elemType: 1, shape: { dim } } } }]
    const model = encodeModel({ irVersion: 8, opsetImport: [{ version: 17 }], graph: { name: 'g', output } })
    const { errors } = refusalOf(() => descriptionOf(model), 'TUREEN_MODEL_MALFORMED', /53 bits/)
    expect(errors).toMatchObject([{ tensor: 'y', actual: `${-(2 ** 60)}` }])
  })

  test('that onnx-proto cannot decode is refused', () => {
    const notUtf8Length = Buffer.concat([bytesField(7, []), bytesField(2, 'x')])
    const layout = { ...layoutOf(notUtf8Length), skeleton: Uint8Array.from([0x3a, 0x7f]) }
    refusalOf(() => decodeSkeleton(layout), 'TUREEN_MODEL_MALFORMED')
  })
})

type Decoder = { decode(bytes: Uint8Array): object; toObject(message: never): Record<string, unknown> }

const { onnx } = onnxProto
const decoders: Record<MessageKind, Decoder[]> = {
  Model: [onnx.ModelProto],
  Graph: [onnx.GraphProto],
  Node: [onnx.NodeProto],
  Attribute: [onnx.AttributeProto],
  Tensor: [onnx.TensorProto],
  SparseTensor: [onnx.SparseTensorProto],
  Function: [onnx.FunctionProto],
  TrainingInfo: [onnx.TrainingInfoProto],
  ValueInfo: [onnx.ValueInfoProto],
  Type: [onnx.TypeProto],
  TensorType: [onnx.TypeProto.Tensor, onnx.TypeProto.SparseTensor],
  ElementType: [onnx.TypeProto.Sequence, onnx.TypeProto.Optional],
  MapType: [onnx.TypeProto.Map],
  Shape: [onnx.TensorShapeProto],
  Dimension: [onnx.TensorShapeProto.Dimension],
  Entry: [onnx.StringStringEntryProto],
  OperatorSet: [onnx.OperatorSetIdProto],
  TensorAnnotation: [onnx.TensorAnnotation],
}

describe('what stays in the skeleton is what onnx-proto knows', () => {
  const kept = Object.entries(messages).flatMap(([kind, fields]) =>
    Object.entries(fields)
      .filter(
        ([, [, role]]: [string, readonly [string, FieldRole]]) => !['ignored', 'undecoded', 'payload'].includes(role),
      )
      .map(([number, [name]]) => ({ kind: kind as MessageKind, number: Number(number), name })),
  )
  test.each(kept)('$kind, field $number: $name', ({ kind, number, name }) => {
    const camelCase = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    // A field of an unknown type: written as the few things that it could be, one of which onnx-proto takes.
    const written = [
      varintField(number, 1),
      bytesField(number, []),
      bytesField(number, 'a'),
      Buffer.from([...varintField(number, 0).subarray(0, -1), 0, 0, 0, 0]),
    ]
    for (const decoder of decoders[kind]) {
      const understood = written.some(bytes => {
        try {
          return Object.hasOwn(decoder.decode(bytes), camelCase)
        } catch {
          return false
        }
      })
      expect(understood, `${kind}.${name} (${number})`).toBe(true)
    }
  })
})

describe('the description of a model', () => {
  test('of a model with everything in it', () => {
    const bytes = richModel()
    expect(descriptionOf(bytes)).toEqual({
      bytes: bytes.byteLength,
      irVersion: 8,
      producer: 'tureen-tests 1.0',
      opsets: [
        { domain: '', version: 16 },
        { domain: 'custom', version: 1 },
      ],
      inputs: [
        { name: 'x', dtype: 'float32', dims: ['batch', 3] },
        { name: 'condition', dtype: 'float32', dims: [] },
      ],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['batch', 2] }],
      // W, b, half and double; the Constant, both branches and the sparse tensor, not the scalars of function and training.
      parameters: 6 + 2 + 3 + 2 + (2 + 2 + 2 + 2),
      tensorCount: 13,
      dtypes: { float16: 1, float32: 8, float64: 1, int64: 2, string: 1 },
      externalData: [],
    })
  })

  test('an input that an initializer gives is not one that a caller gives', () => {
    const description = descriptionOf(
      richModel(({ graph }) => graph.input?.push({ name: 'W', type: { tensorType: { elemType: 1 } } })),
    )
    expect(description.inputs.map(({ name }) => name)).toEqual(['x', 'condition'])
  })

  test.each([
    [{ tensorType: { elemType: 1 } }, { dtype: 'float32', dims: null }],
    [{ tensorType: { elemType: 16, shape: {} } }, { dtype: 'bfloat16', dims: [] }],
    [
      { tensorType: { elemType: 99, shape: { dim: [{ dimValue: 0 }, {}, { dimParam: 'n' }] } } },
      { dtype: 'type 99', dims: [0, null, 'n'] },
    ],
    [{ sparseTensorType: { elemType: 7, shape: { dim: [{ dimValue: 4 }] } } }, { dtype: 'sparse(int64)', dims: [4] }],
    [{ sequenceType: { elemType: { tensorType: { elemType: 8 } } } }, { dtype: 'sequence(string)', dims: null }],
    [
      { mapType: { keyType: 7, valueType: { tensorType: { elemType: 1 } } } },
      { dtype: 'map(int64, float32)', dims: null },
    ],
    [
      { optionalType: { elemType: { sequenceType: { elemType: {} } } } },
      { dtype: 'optional(sequence(unknown))', dims: null },
    ],
    [null, { dtype: 'unknown', dims: null }],
  ])('the type %j', (type, described) => {
    expect(descriptionOf(modelOf({ output: [{ name: 'y', type }] })).outputs).toEqual([{ name: 'y', ...described }])
  })

  test('locations of external data are listed once each, from wherever they stand', () => {
    const outside = (location: string) => ({
      dataType: 1,
      dims: [2],
      dataLocation: 1,
      externalData: [
        { key: 'location', value: location },
        { key: 'offset', value: '0' },
      ],
    })
    const model = modelOf({
      initializer: [outside('weights.bin'), outside('a/b.bin'), outside('weights.bin')],
      node: [{ opType: 'Constant', attribute: [{ name: 'value', t: outside('../../etc/passwd') }] }],
    })
    expect(descriptionOf(model).externalData).toEqual(['../../etc/passwd', 'a/b.bin', 'weights.bin'])
    expect(layoutOf(model).tensors.map(({ payload }) => payload.form)).toEqual(Array(4).fill('external'))
  })

  test('a line for each tensor, with what its elements take as raw_data', () => {
    const lines = layoutOf(richModel()).tensors.map(describeTensor)
    expect(lines.filter(({ where }) => where.startsWith('graph.initializer'))).toEqual([
      { name: 'W', dtype: 'float32', dims: [3, 2], bytes: 24, storage: 'raw', where: 'graph.initializer[0]' },
      { name: 'b', dtype: 'float32', dims: [2], bytes: 8, storage: 'typed', where: 'graph.initializer[1]' },
      { name: 'half', dtype: 'float16', dims: [3], bytes: 6, storage: 'typed', where: 'graph.initializer[2]' },
      { name: 'double', dtype: 'float64', dims: [2], bytes: 16, storage: 'typed', where: 'graph.initializer[3]' },
      { name: 'shape', dtype: 'int64', dims: [2], bytes: 16, storage: 'raw', where: 'graph.initializer[4]' },
      { name: 'names', dtype: 'string', dims: [2], bytes: 3, storage: 'typed', where: 'graph.initializer[5]' },
    ])
  })
})
