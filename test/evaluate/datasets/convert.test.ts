import { describe, expect, test } from 'vitest'
import { convertForInput } from '../../../src/evaluate/datasets/convert.ts'
import type { ArrayValues } from '../../../src/evaluate/datasets/dataset.ts'

const names = { array: 'image', input: 'x' }
const f32 = (...values: number[]): ArrayValues => ({
  dtype: 'float32',
  dims: [values.length],
  data: Float32Array.from(values),
})
const f64 = (...values: number[]): ArrayValues => ({
  dtype: 'float64',
  dims: [values.length],
  data: Float64Array.from(values),
})
const i64 = (...values: bigint[]): ArrayValues => ({
  dtype: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values),
})
const u64 = (...values: bigint[]): ArrayValues => ({
  dtype: 'uint64',
  dims: [values.length],
  data: BigUint64Array.from(values),
})
const i32 = (...values: number[]): ArrayValues => ({
  dtype: 'int32',
  dims: [values.length],
  data: Int32Array.from(values),
})
const u8 = (...values: number[]): ArrayValues => ({
  dtype: 'uint8',
  dims: [values.length],
  data: Uint8Array.from(values),
})
const i8 = (...values: number[]): ArrayValues => ({
  dtype: 'int8',
  dims: [values.length],
  data: Int8Array.from(values),
})
const bool = (...values: number[]): ArrayValues => ({ ...u8(...values), dtype: 'bool' })
const half = (dtype: 'float16' | 'bfloat16', ...codes: number[]): ArrayValues => ({
  dtype,
  dims: [codes.length],
  data: Uint16Array.from(codes),
})
const text: ArrayValues = { dtype: 'string', dims: [1], data: ['1'] }

const outcome = (values: ArrayValues, dtype: string) => {
  try {
    return convertForInput(values, dtype, names)
  } catch (error) {
    return error
  }
}

describe('what loses nothing is converted', () => {
  const most = 2n ** 63n - 1n
  test.each<[ArrayValues, ArrayValues]>([
    [f64(0.5, -0, Number.NaN, Infinity, 16777216), f32(0.5, -0, Number.NaN, Infinity, 16777216)],
    [f32(0.1), f64(Math.fround(0.1))],
    [f32(3, -7, -0), i32(3, -7, 0)],
    [f64(2 ** 53, -3), i64(2n ** 53n, -3n)],
    [f64(-(2 ** 63)), i64(-(2n ** 63n))],
    [f64(2 ** 63), u64(2n ** 63n)],
    [f32(0, 1), bool(0, 1)],
    [i64(5n, -1n), i32(5, -1)],
    [i64(2n ** 60n), f32(2 ** 60)],
    [i64(most), u64(most)],
    [u64(most), i64(most)],
    [i64(0n, 1n), bool(0, 1)],
    [u8(0, 255), f32(0, 255)],
    [u8(0, 127), i8(0, 127)],
    [u8(7), i64(7n)],
    [u8(0, 1), bool(0, 1)],
    [i8(-128), f32(-128)],
    [i32(2 ** 24), f32(2 ** 24)],
    [i32(-(2 ** 31)), f64(-(2 ** 31))],
    [bool(0, 1), f32(0, 1)],
    [bool(0, 1), i64(0n, 1n)],
    [f64(1.5, -0, Infinity, 2 ** -24), half('float16', 0x3e00, 0x8000, 0x7c00, 1)],
    [half('float16', 0x3e00, 0x8000, 1), f64(1.5, -0, 2 ** -24)],
    [half('float16', 0x3e00, 0x7c00), half('bfloat16', 0x3fc0, 0x7f80)],
    [half('bfloat16', 0x3fc0, 0x8000), half('float16', 0x3e00, 0x8000)],
    [half('bfloat16', 0x7f7f), f32(3.3895313892515355e38)],
    [half('float16', 0x4200), i64(3n)],
    [u8(255), half('bfloat16', 0x437f)],
    [f32(Number.NaN), half('bfloat16', 0x7fc0)],
    [f32(), i64()],
  ])('%#: %o', (values, expected) => {
    expect(outcome(values, expected.dtype)).toEqual(expected)
  })

  test('NaN of float16 is NaN of float32', () => {
    expect(outcome(half('float16', 0x7e01), 'float32')).toEqual(f32(Number.NaN))
  })

  test('a type stays as it is, without a copy', () => {
    for (const values of [f32(1), text, half('float16', 1)])
      expect(convertForInput(values, values.dtype, names)).toBe(values)
  })

  test('a constant stays one', () => {
    const scale: ArrayValues = { dtype: 'float64', dims: [], data: Float64Array.of(2) }
    expect(outcome(scale, 'float32')).toEqual({ dtype: 'float32', dims: [], data: Float32Array.of(2) })
  })
})

describe('what would change a value is refused', () => {
  test.each<[ArrayValues, string, string]>([
    [f64(1, 0.1), 'float32', '0.1 at [1]'],
    [f64(1e300), 'float32', '1e+300 at [0]'],
    [f64(2 ** -150), 'float32', '7.006492321624085e-46 at [0]'],
    [f32(3, 3.5), 'int32', '3.5 at [1]'],
    [f32(3.5), 'int64', '3.5 at [0]'],
    [f32(Number.NaN), 'int32', 'NaN at [0]'],
    [f32(Number.NaN), 'int64', 'NaN at [0]'],
    [f64(Infinity), 'int64', 'Infinity at [0]'],
    [f64(2 ** 63), 'int64', '9223372036854776000 at [0]'],
    [f32(-1), 'uint64', '-1 at [0]'],
    [f32(2), 'bool', '2 at [0]'],
    [f32(0.5), 'bool', '0.5 at [0]'],
    [i64(2n ** 31n), 'int32', '2147483648 at [0]'],
    [i64(-1n), 'uint64', '-1 at [0]'],
    [u64(2n ** 63n), 'int64', '9223372036854775808 at [0]'],
    [i64(2n ** 53n + 1n), 'float64', '9007199254740993 at [0]'],
    [i64(2n ** 24n + 1n), 'float32', '16777217 at [0]'],
    [i64(256n), 'bool', '256 at [0]'],
    [i32(2 ** 24 + 1), 'float32', '16777217 at [0]'],
    [u8(128), 'int8', '128 at [0]'],
    [i8(-1), 'uint8', '-1 at [0]'],
    [i8(-1), 'uint64', '-1 at [0]'],
    [f32(65520), 'float16', '65520 at [0]'],
    [half('bfloat16', 0x7f7f), 'float16', '3.3895313892515355e+38 at [0]'],
    [half('float16', 0x3c01), 'bfloat16', '1.0009765625 at [0]'],
    [half('float16', 0x3800), 'int64', '0.5 at [0]'],
  ])('%#: %o as %s', (values, dtype, value) => {
    const error = outcome(values, dtype)
    const place = `The input x takes ${dtype}; the array image is ${values.dtype}, and its value ${value} of its batch is not one of ${dtype}.`
    expect(error).toMatchObject({ code: 'TUREEN_DATASET_MISMATCH', message: expect.stringContaining(place) })
    expect(error).toMatchObject({ errors: [{ tensor: 'image' }] })
  })

  test('with what to do', () => {
    expect(outcome(f64(0.1), 'float32')).toMatchObject({
      message: expect.stringMatching(/save the array with \.astype\(np\.float32\)\.$/),
    })
    expect(outcome(f64(0.1), 'bool')).toMatchObject({ message: expect.stringMatching(/\.astype\(bool\)\.$/) })
    expect(outcome(f64(0.1), 'bfloat16')).toMatchObject({ message: expect.stringMatching(/NumPy has no bfloat16/) })
  })

  test('by its place among all dimensions', () => {
    const values: ArrayValues = { dtype: 'float64', dims: [2, 1, 3], data: Float64Array.of(0, 0, 0, 0, 0.1, 0.1) }
    expect(outcome(values, 'float32')).toMatchObject({
      message: expect.stringContaining('0.1 at [1, 0, 1] of its batch'),
    })
  })

  test('strings and numbers never become each other', () => {
    expect(outcome(text, 'float32')).toMatchObject({
      message: expect.stringMatching(/array image is string .*array of numbers/),
    })
    expect(outcome(f32(1), 'string')).toMatchObject({
      message: expect.stringMatching(/array image is float32 .*astype\(str\)/),
    })
    expect(outcome(f32(1), 'float8e5m2')).toMatchObject({ code: 'TUREEN_DATASET_MISMATCH' })
  })
})
