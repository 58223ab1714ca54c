import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { showElements } from '../../src/merge/shown-elements.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { layoutOf } from '../support/inspecting.ts'
import { modelOf } from '../support/rich-model.ts'

/** What is shown of an initializer, the element with this byte of raw_data among it. */
function shown(tensor: onnx.ITensorProto, type: string, from = 0): string {
  const model = modelOf({ initializer: [tensor] })
  const [entry = null] = layoutOf(model).tensors
  const files = { source: memorySource(model), data: new Map(), label: 'model' }
  return showElements({ tensor: entry, literal: null }, type, files, from)
}

const of = (dataType: number, dims: number[], values: ArrayLike<number> | ArrayLike<bigint>, rawData: Uint8Array) => ({
  dataType,
  dims: dims.length === 0 && values.length === 1 ? [] : dims,
  rawData,
})
const raw = (dataType: number, bytes: number[], dims: number[]) => of(dataType, dims, bytes, Uint8Array.from(bytes))
const floats = (values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

describe('elements are shown', () => {
  // The codes of the small types: IEEE 754 halves, bfloat16 as the upper half of a float32, E4M3FN of the OCP specification.
  test.each<[string, onnx.ITensorProto, string, string]>([
    ['a number of rank 0 by itself', { dataType: 1, dims: [], rawData: floats([0.1]) }, 'float32[]', '0.1'],
    ['a list', { dataType: 1, dims: [2], rawData: floats([2, 1e-7]) }, 'float32[2]', '[2, 1e-7]'],
    [
      'what is no number, and both zeros',
      {
        dataType: 1,
        dims: [5],
        rawData: floats([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0]),
      },
      'float32[5]',
      '[NaN, Infinity, -Infinity, -0, 0]',
    ],
    [
      'a number that a float64 tells apart',
      { dataType: 11, dims: [], doubleData: [0.1 + 0.2] },
      'float64[]',
      '0.30000000000000004',
    ],
    ['halves', raw(10, [0x00, 0x3c, 0x66, 0x2e], [2]), 'float16[2]', '[1, 0.1]'],
    ['bfloat16', raw(16, [0x80, 0x3f, 0x49, 0x40], [2]), 'bfloat16[2]', '[1, 3.14]'],
    ['float8e4m3fn', raw(17, [0x38, 0x7e], [2]), 'float8e4m3fn[2]', '[1, 448]'],
    ['int8', raw(3, [0xff, 0x7f], [2]), 'int8[2]', '[-1, 127]'],
    ['uint8', raw(2, [0xff, 0x7f], [2]), 'uint8[2]', '[255, 127]'],
    ['uint16', raw(4, [0xff, 0xff], [1]), 'uint16[1]', '[65535]'],
    [
      'int64',
      { dataType: 7, dims: [1], rawData: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80) },
      'int64[1]',
      '[-9223372036854775808]',
    ],
    [
      'uint64',
      { dataType: 13, dims: [1], rawData: new Uint8Array(8).fill(0xff) },
      'uint64[1]',
      '[18446744073709551615]',
    ],
    ['int4, two to a byte, the lower half first', raw(22, [0x8f, 0x07], [3]), 'int4[3]', '[-1, -8, 7]'],
    ['uint4', raw(21, [0x8f], [2]), 'uint4[2]', '[15, 8]'],
    ['int2, four to a byte', raw(26, [0b11_10_01_00], [4]), 'int2[4]', '[0, 1, -2, -1]'],
    ['bool', raw(9, [1, 0], [2]), 'bool[2]', '[true, false]'],
    [
      'texts, long ones cut off',
      { dataType: 8, dims: [3], stringData: [Buffer.from('ab'), Buffer.from(''), Buffer.alloc(100, 'x')] },
      'string[3]',
      `["ab", "", "${'x'.repeat(40)}..."]`,
    ],
    ['of a type without numbers its bytes', raw(14, Array(8).fill(0), [1]), 'complex64[1]', '8 bytes'],
  ])('%s', (_, tensor, type, expected) => {
    expect(shown(tensor, type)).toBe(expected)
  })

  test('of a long list those around the one that differs', () => {
    const tensor = {
      dataType: 6,
      dims: [100],
      rawData: new Uint8Array(Int32Array.from({ length: 100 }, (_, index) => index).buffer),
    }
    expect(shown(tensor, 'int32[100]', 0)).toBe('[0, 1, 2, 3, 4, 5, ...]')
    expect(shown(tensor, 'int32[100]', 41 * 4)).toBe('[..., 39, 40, 41, 42, 43, 44, ...] (from element 39 on)')
    expect(shown(tensor, 'int32[100]', 99 * 4)).toBe('[..., 97, 98, 99] (from element 97 on)')
  })

  test('of many texts those around the one that differs', () => {
    const texts = Array.from({ length: 20 }, (_, index) => Buffer.from(`t${index}`))
    // "2:t0" takes 4 bytes, ten of them 40, and "3:t10" 5.
    expect(shown({ dataType: 8, dims: [20], stringData: texts }, 'string[20]', 40 + 5)).toBe(
      '[..., "t9", "t10", "t11", "t12", "t13", "t14", ...] (from element 9 on)',
    )
  })
})
