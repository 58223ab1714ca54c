import onnxProto from 'onnx-proto'
import { describe, expect, it } from 'vitest'
import { rewriteModel } from '../../src/merge/rewrite-model.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import type { ModelFiles } from '../../src/onnx/external-data.ts'
import { layoutOf } from '../support/inspecting.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { bytesField, float32Bytes, float32Field, onnxField, parseFields, varintField } from '../support/wire-bytes.ts'

const { tensor, graph } = onnxField

/** y = x W + b, where the tensor b of two elements is written in these fields. */
function modelWith(fields: readonly Uint8Array[], dataType: number = elementType.float32): Uint8Array<ArrayBuffer> {
  const header = [varintField(tensor.dims, 2), varintField(tensor.dataType, dataType), bytesField(tensor.name, 'b')]
  const written = linearModel([1, 0, 0, 1], [0, 0], model => void model.graph.initializer?.pop())
  const field = parseFields(written).find(({ number }) => number === onnxField.model.graph)
  if (!field) throw new Error('no graph')
  const inner = [written.subarray(field.payload, field.end), bytesField(graph.initializer, [...header, ...fields])]
  return Uint8Array.from(
    Buffer.concat([written.subarray(0, field.start), bytesField(field.number, inner), written.subarray(field.end)]),
  )
}

const entry = (key: string, value: string) =>
  bytesField(tensor.externalData, [bytesField(1, key), bytesField(2, value)])
const external = [
  entry('location', 'b.bin'),
  entry('offset', '4'),
  entry('length', '8'),
  varintField(tensor.dataLocation, 1),
]
const values = float32Bytes([7, -8])

function rewrite(files: ModelFiles, bytes: Uint8Array, inline = false) {
  const layout = layoutOf(readBytes(files.source, 0, files.source.byteLength))
  const path = layout.tensors.find(({ name }) => name === 'b')?.path ?? ''
  const rewritten = rewriteModel(files, new Map([[path, Uint8Array.from(bytes)]]), inline)
  return { bytes: readBytes(rewritten, 0, rewritten.byteLength), data: rewritten.data }
}

describe('a model with other elements in a tensor', () => {
  it.each([
    ['raw_data', [bytesField(tensor.rawData, float32Bytes([1, 2]))]],
    ['packed float_data', [bytesField(tensor.floatData, float32Bytes([1, 2]))]],
    ['float_data value by value', [float32Field(tensor.floatData, 1), float32Field(tensor.floatData, 2)]],
  ])('has them where they stood, and every other byte as it was: %s', (_, fields) => {
    const before = modelWith(fields)
    const { bytes } = rewrite({ source: memorySource(before), data: new Map() }, values)
    expect(initializerBytes(bytes, 'b')).toEqual(values)
    expect(bytes.byteLength).toBe(before.byteLength)
    expect(rewrite({ source: memorySource(bytes), data: new Map() }, float32Bytes([1, 2])).bytes).toEqual(before)
  })

  it('has them as raw_data where they were varints', () => {
    const halves = Uint8Array.of(0x00, 0x3c, 0x00, 0xbc)
    const before = modelWith([bytesField(tensor.int32Data, Uint8Array.of(0x80, 0x78, 0x01))], elementType.float16)
    const { bytes } = rewrite({ source: memorySource(before), data: new Map() }, halves)
    const written = onnxProto.onnx.ModelProto.decode(bytes).graph?.initializer?.find(({ name }) => name === 'b')
    expect(Uint8Array.from(written?.rawData ?? [])).toEqual(halves)
    expect(written?.int32Data ?? []).toEqual([])
  })

  it('has them in its data file, or in the one file that it is to be', () => {
    const file = Uint8Array.from([9, 9, 9, 9, ...float32Bytes([1, 2]), 9])
    const before = modelWith(external)
    const files = { source: memorySource(before), data: new Map([['b.bin', memorySource(file)]]) }
    const beside = rewrite(files, values)
    expect(beside.bytes).toEqual(before)
    const data = beside.data.get('b.bin')
    expect(data && readBytes(data, 0, data.byteLength)).toEqual(Uint8Array.from([9, 9, 9, 9, ...values, 9]))
    const inside = rewrite(files, values, true)
    expect(inside.data.size).toBe(0)
    expect(initializerBytes(inside.bytes, 'b')).toEqual(values)
  })
})
