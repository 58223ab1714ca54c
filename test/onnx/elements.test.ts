import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { elementSource } from '../../src/onnx/elements.ts'
import { limits } from '../../src/onnx/model-limits.ts'
import { refusalOf } from '../support/catalogue.ts'
import { elementsOf } from '../support/elements.ts'
import { layoutOf } from '../support/inspecting.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { seededRandom } from '../support/random.ts'
import { randomCases } from '../support/random-cases.ts'
import {
  bytesField,
  float32Bytes,
  float32Field,
  float64Bytes,
  float64Field,
  modelBytes,
  onnxField,
  tensorBytes,
  varint,
  varintField,
} from '../support/wire-bytes.ts'

const field = onnxField.tensor

/** Cuts `values` into runs, each written packed into one field or one field a value; empty runs included. */
function writtenInRuns<Value>(
  values: fc.Arbitrary<Value[]>,
  packed: (run: Value[]) => Uint8Array,
  single: (value: Value) => Uint8Array,
): fc.Arbitrary<{ values: Value[]; payload: Uint8Array }> {
  return values.chain(all =>
    fc.array(fc.record({ length: fc.nat(4), isPacked: fc.boolean() }), { maxLength: 6 }).map(runs => {
      const fields: Uint8Array[] = []
      let rest = all
      for (const { length, isPacked } of [...runs, { length: all.length, isPacked: true }]) {
        const run = rest.slice(0, length)
        rest = rest.slice(length)
        fields.push(...(isPacked ? [packed(run)] : run.map(single)))
      }
      return { values: all, payload: Buffer.concat(fields) }
    }),
  )
}

const bits32 = fc.nat(0xffffffff)
const bits64 = fc.bigInt(0n, 2n ** 64n - 1n)
const bytes32 = (bits: number) => Buffer.from(Uint32Array.of(bits).buffer)
const bytes64 = (bits: bigint) => Buffer.from(BigUint64Array.of(bits).buffer)

/** Ranges of whole elements that together are [0, length), in another order. */
function shuffledRanges(length: number, width: number, seed: number): { start: number; end: number }[] {
  const random = seededRandom(seed)
  const cuts = Array.from({ length: 6 }, () => random.integer(0, length / width) * width).sort((a, b) => a - b)
  return random.shuffled([...cuts, length].map((end, index) => ({ start: cuts[index - 1] ?? 0, end })))
}

function expectElements(model: Uint8Array, width: number, expected: Buffer, seed = 1): void {
  const [tensor] = layoutOf(model).tensors
  if (!tensor) throw new Error('there is no tensor')
  const source = elementSource(tensor, memorySource(model))
  expect(Buffer.from(readBytes(source, 0, source.byteLength)).toString('hex')).toBe(expected.toString('hex'))
  for (const { start, end } of shuffledRanges(expected.byteLength, width, seed)) {
    const part = Buffer.from(readBytes(source, start, end - start))
    expect(part.toString('hex'), `${start}..${end}`).toBe(expected.toString('hex', start, end))
  }
}

describe('typed elements come out as raw_data would hold them, packed, one by one or in several runs, read in any order', () => {
  test('float_data, bit for bit (NaN payloads too)', () => {
    const runs = writtenInRuns(
      fc.array(bits32, { maxLength: 20 }),
      run => bytesField(field.floatData, run.map(bytes32)),
      bits => Buffer.concat([varint(field.floatData * 8 + 5), bytes32(bits)]),
    )
    fc.assert(
      fc.property(runs, fc.nat(), ({ values, payload }, seed) => {
        expectElements(
          modelBytes([tensorBytes('W', 1, [values.length], payload)]),
          4,
          Buffer.concat(values.map(bytes32)),
          seed,
        )
      }),
      { numRuns: randomCases(200) },
    )
  })

  test('double_data, bit for bit', () => {
    const runs = writtenInRuns(
      fc.array(bits64, { maxLength: 20 }),
      run => bytesField(field.doubleData, run.map(bytes64)),
      bits => Buffer.concat([varint(field.doubleData * 8 + 1), bytes64(bits)]),
    )
    fc.assert(
      fc.property(runs, fc.nat(), ({ values, payload }, seed) => {
        expectElements(
          modelBytes([tensorBytes('W', 11, [values.length], payload)]),
          8,
          Buffer.concat(values.map(bytes64)),
          seed,
        )
      }),
      { numRuns: randomCases(200) },
    )
  })

  const varints: [what: string, dataType: number, width: 1 | 2 | 4 | 8, number: number, min: bigint, max: bigint][] = [
    ['float16 in int32_data', 10, 2, field.int32Data, 0n, 0xffffn],
    ['bfloat16 in int32_data', 16, 2, field.int32Data, 0n, 0xffffn],
    ['float8e4m3fn in int32_data', 17, 1, field.int32Data, 0n, 0xffn],
    ['float8e5m2fnuz in int32_data', 20, 1, field.int32Data, 0n, 0xffn],
    ['uint8 in int32_data', 2, 1, field.int32Data, 0n, 0xffn],
    ['int8 in int32_data', 3, 1, field.int32Data, -0x80n, 0x7fn],
    ['uint16 in int32_data', 4, 2, field.int32Data, 0n, 0xffffn],
    ['int16 in int32_data', 5, 2, field.int32Data, -0x8000n, 0x7fffn],
    ['int32 in int32_data', 6, 4, field.int32Data, -(2n ** 31n), 2n ** 31n - 1n],
    ['bool in int32_data', 9, 1, field.int32Data, 0n, 1n],
    ['int64 in int64_data', 7, 8, field.int64Data, -(2n ** 63n), 2n ** 63n - 1n],
    ['uint32 in uint64_data', 12, 4, field.uint64Data, 0n, 2n ** 32n - 1n],
    ['uint64 in uint64_data', 13, 8, field.uint64Data, 0n, 2n ** 64n - 1n],
  ]
  test.each(varints)('%s', (_, dataType, width, number, min, max) => {
    const little = (value: bigint) => bytes64(BigInt.asUintN(64, value)).subarray(0, width)
    // Not 6 to 9 bytes, which protobufjs, the oracle here, takes for 10.
    const runs = fc.constantFrom(1, 2, 5, 10).chain(padding =>
      writtenInRuns(
        fc.array(fc.bigInt(min, max), { maxLength: 20 }),
        run =>
          bytesField(
            number,
            run.map(value => varint(value, padding)),
          ),
        value => Buffer.concat([varint(number * 8), varint(value, padding)]),
      ),
    )
    fc.assert(
      fc.property(runs, fc.nat(), ({ values, payload }, seed) => {
        const model = modelBytes([tensorBytes('W', dataType, [values.length], payload)])
        expectElements(model, width, Buffer.concat(values.map(little)), seed)
        expect(elementsOf(model, 'W')).toBe(tensorsOf(model)[0]?.bytes.toString('hex'))
      }),
      { numRuns: randomCases(60) },
    )
  })

  test('varints of any width, those that protobufjs cannot read among them', () => {
    for (let width = 1; width <= 10; width += 1) {
      const payload = bytesField(field.int32Data, [varint(0x3c00, width), varint(5, width)])
      expectElements(modelBytes([tensorBytes('W', 10, [2], payload)]), 2, Buffer.from('003c0500', 'hex'))
    }
  })

  test('strings, one after the other', () => {
    const texts = ['', 'a', 'ünï', 'x'.repeat(300), '']
    const payload = Buffer.concat(texts.map(text => bytesField(field.stringData, text)))
    expectElements(modelBytes([tensorBytes('S', 8, [5], payload)]), 1, Buffer.from(texts.join('')))
  })

  test('complex numbers as pairs', () => {
    const pairs = tensorBytes('C', 14, [2], bytesField(field.floatData, float32Bytes([1, 2, 3, 4])))
    expectElements(modelBytes([pairs]), 8, float32Bytes([1, 2, 3, 4]))
    const doubles = tensorBytes('C', 15, [1], float64Field(field.doubleData, 1), float64Field(field.doubleData, 2))
    expectElements(modelBytes([doubles]), 16, float64Bytes([1, 2]))
  })

  test('int4 pairs in int32_data, the last byte half full', () => {
    const payload = bytesField(field.int32Data, [varint(0x21), varint(0xf3), varint(0x05)])
    expectElements(modelBytes([tensorBytes('Q', 22, [5], payload)]), 1, Buffer.from([0x21, 0xf3, 0x05]))
  })

  test('other fields may stand between the values of a tensor', () => {
    const tensor = Buffer.concat([
      float32Field(field.floatData, 1),
      varintField(field.dataType, 1),
      bytesField(field.floatData, float32Bytes([2, 3])),
      varintField(field.dims, 5),
      float32Field(field.floatData, 4),
      bytesField(field.docString, 'between'),
      float32Field(field.floatData, 5),
      bytesField(field.name, 'W'),
    ])
    expectElements(modelBytes([tensor]), 4, float32Bytes([1, 2, 3, 4, 5]))
  })
})

describe('tensors whose elements do not agree with their dims are refused', () => {
  const values = (count: number) => bytesField(field.floatData, float32Bytes(Array(count).fill(1)))
  test.each([
    ['raw_data too short', tensorBytes('W', 1, [2, 3], bytesField(field.rawData, Buffer.alloc(23)))],
    ['raw_data too long', tensorBytes('W', 1, [2, 3], bytesField(field.rawData, Buffer.alloc(25)))],
    ['raw_data empty', tensorBytes('W', 1, [2, 3], bytesField(field.rawData, ''))],
    ['raw_data of a scalar', tensorBytes('W', 11, [], bytesField(field.rawData, Buffer.alloc(4)))],
    ['raw_data of half-byte elements', tensorBytes('W', 22, [5], bytesField(field.rawData, Buffer.alloc(2)))],
    ['raw_data for no elements', tensorBytes('W', 1, [0], bytesField(field.rawData, Buffer.alloc(4)))],
    ['too few floats', tensorBytes('W', 1, [6], values(5))],
    ['too many floats', tensorBytes('W', 1, [6], values(5), values(2))],
    ['half a complex number', tensorBytes('W', 14, [2], values(3))],
    ['too few doubles', tensorBytes('W', 11, [2], float64Field(field.doubleData, 1))],
    ['too few strings', tensorBytes('W', 8, [2], bytesField(field.stringData, 'one'))],
    ['too many strings', tensorBytes('W', 8, [0], bytesField(field.stringData, 'one'))],
    ['packed floats cut off', tensorBytes('W', 1, [1], bytesField(field.floatData, Buffer.alloc(5)))],
    ['strings in raw_data', tensorBytes('W', 8, [1], bytesField(field.rawData, 'text'))],
    ['a negative dimension', tensorBytes('W', 1, [-1], values(1))],
    ['a negative dimension beside 0', tensorBytes('W', 1, [0, -1])],
    ['dims whose product overflows', tensorBytes('W', 1, [2n ** 40n, 2n ** 40n], values(1))],
    ['dims whose product overflows to something small', tensorBytes('W', 1, [2n ** 32n, 2n ** 32n], values(1))],
    ['dims whose bytes overflow', tensorBytes('W', 1, [2n ** 62n], values(1))],
    ['terabytes that are not there', tensorBytes('W', 1, [2n ** 42n], bytesField(field.rawData, Buffer.alloc(16)))],
  ])('%s', (_, tensor) => {
    const { errors } = refusalOf(() => layoutOf(modelBytes([tensor])), 'TUREEN_MODEL_MALFORMED')
    if (!/cut off/.test(_)) expect(errors).toMatchObject([{ tensor: 'W', message: expect.any(String) }])
  })

  test('a tensor that is damaged inside a node is named by its place', () => {
    const tensor = Buffer.concat([varintField(field.dims, 3), varintField(field.dataType, 1), values(2)])
    const node = bytesField(
      onnxField.graph.node,
      bytesField(onnxField.node.attribute, bytesField(onnxField.attribute.t, tensor)),
    )
    refusalOf(() => layoutOf(modelBytes([], node)), 'TUREEN_MODEL_MALFORMED', /graph\.node\[0\]\.attribute\[0\]\.t/)
  })

  test.each([
    ['fewer', [1, 2, 3], /fewer/],
    ['more', [1, 2, 3, 4, 5], /more/],
  ])('%s varints than dims say, found when they are read', (_, codes, words) => {
    const payload = bytesField(
      field.int32Data,
      codes.map(code => varint(code)),
    )
    const model = modelBytes([tensorBytes('half', 10, [4], payload)])
    refusalOf(() => elementsOf(model, 'half'), 'TUREEN_MODEL_MALFORMED', words)
  })

  test('varints that run over the end of their field', () => {
    const payload = bytesField(field.int32Data, Buffer.from([1, 2, 3, 0x80]))
    const model = modelBytes([tensorBytes('half', 10, [4], payload)])
    refusalOf(() => elementsOf(model, 'half'), 'TUREEN_MODEL_MALFORMED')
  })
})

describe('however a tensor is written', () => {
  test(`more than ${limits.payloadRuns} values written one by one are one stretch of payload, not as many`, () => {
    const count = limits.payloadRuns + 1000
    const value = float32Field(field.floatData, 0.5)
    const model = modelBytes([tensorBytes('W', 1, [count], Buffer.alloc(count * value.byteLength, value))])
    expect(layoutOf(model).tensors).toMatchObject([{ elements: count }])
  })

  test('values written one by one take no memory each: four million of them', () => {
    const count = 4_000_000
    const run = { start: 9, offset: 10, count, stride: 5, width: 4 } as const
    const tensor = { name: 'W', path: 'graph.initializer[0]', frame: 0, dataType: 1, dims: [count], elements: count }
    const byteAt = (offset: number) => (offset * 7) & 0xff
    const file = {
      byteLength: run.offset + count * run.stride,
      read: (offset: number, target: Uint8Array) => target.set(target.map((_, at) => byteAt(offset + at))),
    }
    const before = process.memoryUsage().heapUsed
    const source = elementSource({ ...tensor, payload: { form: 'fixed', runs: [run] } }, file)
    const last = readBytes(source, source.byteLength - 8, 8)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6)
    const starts = [count - 2, count - 1].map(index => run.offset + index * run.stride)
    expect([...last]).toEqual(starts.flatMap(start => [0, 1, 2, 3].map(at => byteAt(start + at))))
  })

  test('an element type that ONNX does not have yet is indexed with its bytes', () => {
    const model = modelBytes([tensorBytes('new', 99, [3], bytesField(field.rawData, Buffer.from([1, 2, 3, 4, 5])))])
    expect(elementsOf(model, 'new')).toBe('0102030405')
  })
})
