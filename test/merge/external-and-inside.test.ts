import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { rewriteModel } from '../../src/merge/rewrite-model.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { describeTensor } from '../../src/onnx/skeleton.ts'
import { differencesOf, layoutOf } from '../support/inspecting.ts'
import { linearModel } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { bytesField, float32Bytes, float32Field, onnxField, parseFields, varintField } from '../support/wire-bytes.ts'

const { tensor, graph } = onnxField

const entry = (key: string, value: string) =>
  bytesField(tensor.externalData, [bytesField(1, key), bytesField(2, value)])
const outside = [entry('location', 'b.bin'), entry('length', '8'), varintField(tensor.dataLocation, 1)]
const raw = bytesField(tensor.rawData, float32Bytes([1, 2]))
const typed = [float32Field(tensor.floatData, 1), float32Field(tensor.floatData, 2)]

/** Adds [10, 20] of the file b.bin to x; b has elements of its own, too, in these fields. */
function model(fields: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const header = [varintField(tensor.dims, 2), varintField(tensor.dataType, 1), bytesField(tensor.name, 'b')]
  const written = linearModel([1, 0, 0, 1], [0, 0], ({ graph }) => void graph.initializer?.pop())
  const field = parseFields(written).find(({ number }) => number === onnxField.model.graph)
  if (!field) throw new Error('no graph')
  const inner = [written.subarray(field.payload, field.end), bytesField(graph.initializer, [...header, ...fields])]
  const parts = [written.subarray(0, field.start), bytesField(field.number, inner), written.subarray(field.end)]
  return Uint8Array.from(Buffer.concat(parts))
}

const file = Uint8Array.from(float32Bytes([10, 20]))

async function run(bytes: Uint8Array, beside: { path: string; data: Uint8Array }[]): Promise<number[]> {
  const session = await ort.InferenceSession.create(bytes, { externalData: beside, logSeverityLevel: 4 })
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(0, 0), [1, 2]) })
  await session.release()
  return Array.from(y?.data ?? [], Number)
}

describe('a tensor with external data that has elements in the model, too', () => {
  test.each([
    ['none', outside],
    ['raw_data before', [raw, ...outside]],
    ['raw_data behind', [...outside, raw]],
    ['raw_data between', [...outside.slice(0, 1), raw, ...outside.slice(1)]],
    ['raw_data of another length', [...outside, bytesField(tensor.rawData, float32Bytes([1]))]],
    ['empty raw_data', [...outside, bytesField(tensor.rawData, '')]],
    ['float_data before', [...typed, ...outside]],
    ['float_data behind', [...outside, ...typed]],
    ['both, here and there', [raw, ...outside.slice(0, 1), ...typed, ...outside.slice(1), raw]],
  ])('takes those of the file, as in onnxruntime: %s', async (_, fields) => {
    const bytes = model(fields)
    expect(await run(bytes, [{ path: 'b.bin', data: file }])).toEqual([10, 20])
    expect(layoutOf(bytes).tensors.map(describeTensor)).toMatchObject([
      { name: 'W', storage: 'raw' },
      { name: 'b', storage: 'external', bytes: 8 },
    ])
    expect(differencesOf(model(outside), bytes, new Map([['b.bin', memorySource(file)]]))).toEqual([])
    const files = { source: memorySource(bytes), data: new Map([['b.bin', memorySource(file)]]) }
    const inlined = rewriteModel(files, new Map(), true)
    const inside = readBytes(inlined, 0, inlined.byteLength)
    expect(initializerBytes(inside, 'b')).toEqual(float32Bytes([10, 20]))
    expect(await run(inside, [])).toEqual([10, 20])
  })
})
