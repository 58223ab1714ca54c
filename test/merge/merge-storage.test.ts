import { describe, expect, test } from 'vitest'
import { pair } from '../support/merge-pair.ts'
import { soupOfFiles } from '../support/soup.ts'
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

const field = onnxField.tensor

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
