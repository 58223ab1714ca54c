import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import {
  encodeTag,
  encodeVarint,
  readField,
  readLength,
  readVarint64,
  type WireCursor,
  wireCursor,
} from '../../src/onnx/wire.ts'
import { refusalOf } from '../support/catalogue.ts'
import { bytesField, float32Field, float64Field, parseFields, varint, varintField } from '../support/wire-bytes.ts'

function cursorOver(...parts: readonly Uint8Array[]): { cursor: WireCursor; end: number } {
  const bytes = Buffer.concat(parts)
  return { cursor: wireCursor(memorySource(bytes)), end: bytes.byteLength }
}

function readBack(bytes: Uint8Array): { value: bigint; offset: number } {
  const { cursor, end } = cursorOver(bytes, Buffer.from([0x55]))
  const { low, high } = readVarint64(cursor, end)
  return { value: (BigInt(high) << 32n) | BigInt(low), offset: cursor.offset }
}

const allOnes = (1n << 64n) - 1n

describe('reading varints', () => {
  const boundaries = Array.from({ length: 10 }, (_, index) => index + 1).flatMap(width => {
    const most = width === 10 ? allOnes : (1n << BigInt(7 * width)) - 1n
    const least = width === 1 ? 0n : 1n << BigInt(7 * (width - 1))
    return [
      { width, value: least },
      { width, value: most },
    ]
  })
  test.each(boundaries)('the number $value takes $width bytes and is read exactly', ({ width, value }) => {
    const bytes = varint(value)
    expect(bytes.byteLength).toBe(width)
    expect(readBack(bytes)).toEqual({ value, offset: width })
  })

  test('any 64-bit number is read exactly, padded to any width or not', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, allOnes), fc.integer({ min: 1, max: 10 }), (value, width) => {
        const bytes = varint(value, width)
        expect(readBack(bytes)).toEqual({ value, offset: bytes.byteLength })
      }),
      { numRuns: 2000 },
    )
  })

  test('bits beyond the 64th are dropped, as protobuf does', () => {
    const ninth = Buffer.alloc(9, 0x80)
    expect(readBack(Buffer.concat([ninth, Buffer.from([0x7f])]))).toEqual({ value: 1n << 63n, offset: 10 })
    expect(readBack(Buffer.concat([ninth, Buffer.from([0x7e])]))).toEqual({ value: 0n, offset: 10 })
  })

  test('eleven bytes are refused, even if all but the first are padding', () => {
    for (const read of [readVarint64, readLength]) {
      const { cursor, end } = cursorOver(varint(5, 11))
      refusalOf(() => read(cursor, end), 'TUREEN_MODEL_MALFORMED', /ten bytes/)
    }
  })

  test('a number that is cut off is refused, wherever', () => {
    for (let width = 1; width <= 10; width += 1) {
      for (let length = 0; length < width; length += 1) {
        const { cursor, end } = cursorOver(varint(1, width).subarray(0, length))
        refusalOf(() => readVarint64(cursor, end), 'TUREEN_MODEL_MALFORMED', /cut off/)
      }
    }
  })

  test('a number ends at its message, although the file goes on', () => {
    const { cursor } = cursorOver(varint(1, 4), varint(1, 4))
    refusalOf(() => readVarint64(cursor, 3), 'TUREEN_MODEL_MALFORMED', /cut off/)
  })

  test('the file ending before the message does is refused', () => {
    const { cursor, end } = cursorOver(varint(1, 4).subarray(0, 2))
    refusalOf(() => readVarint64(cursor, end + 5), 'TUREEN_MODEL_MALFORMED')
  })
})

describe('reading lengths', () => {
  test('every length up to 53 bits is exact', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 10 }), (value, width) => {
        const { cursor, end } = cursorOver(varint(value, width))
        expect(readLength(cursor, end)).toBe(value)
        expect(cursor.offset).toBe(end)
      }),
      { numRuns: 1000 },
    )
  })

  test('the largest is 2^53 - 1', () => {
    const { cursor, end } = cursorOver(varint(Number.MAX_SAFE_INTEGER))
    expect(readLength(cursor, end)).toBe(Number.MAX_SAFE_INTEGER)
  })

  test.each([2n ** 53n, 2n ** 63n, allOnes, BigInt(-1)])('%s is refused, not rounded', value => {
    const { cursor, end } = cursorOver(varint(value))
    refusalOf(() => readLength(cursor, end), 'TUREEN_MODEL_MALFORMED', /53 bits/)
  })
})

describe('writing varints', () => {
  test('are those that protobuf writes, padded where a width is asked for', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 10 }), (value, width) => {
        expect(Buffer.from(encodeVarint(value, width)).toString('hex')).toBe(varint(value, width).toString('hex'))
        expect(readBack(encodeVarint(value, width)).value).toBe(BigInt(value))
      }),
      { numRuns: 1000 },
    )
  })

  test('a tag is the field number and the wire type', () => {
    expect([...encodeTag(1, 0)]).toEqual([0x08])
    expect([...encodeTag(14, 2)]).toEqual([0x72])
    expect([...encodeTag(0x1fffffff, 5)]).toEqual([0xfd, 0xff, 0xff, 0xff, 0x0f])
  })
})

describe('reading fields', () => {
  const anyField = fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 0x1fffffff }), fc.bigInt(0n, allOnes))
      .map(([number, value]) => varintField(number, value)),
    fc.tuple(fc.nat(30), fc.float()).map(([number, value]) => float32Field(number + 1, value)),
    fc.tuple(fc.nat(30), fc.double()).map(([number, value]) => float64Field(number + 1, value)),
    fc
      .tuple(
        fc.nat(30),
        fc.oneof(fc.nat(300), fc.constantFrom(16_370, 16_384, 40_000)),
        fc.integer({ min: 1, max: 10 }),
      )
      .map(([number, length, width]) => bytesField(number + 1, Buffer.alloc(length, 0xff), width)),
  )

  test('any message comes apart as an independent parser takes it apart, also across the edges of the window', () => {
    fc.assert(
      fc.property(fc.array(anyField, { maxLength: 40 }), fields => {
        const bytes = Buffer.concat(fields)
        const { cursor, end } = cursorOver(bytes)
        for (const { number, type, start, tagEnd, payload, end: fieldEnd } of parseFields(bytes)) {
          expect(readField(cursor, end)).toEqual({ number, type, start, tagEnd, payload, end: fieldEnd })
          expect(cursor.offset).toBe(fieldEnd)
        }
        expect(cursor.offset).toBe(end)
      }),
      { numRuns: 200 },
    )
  })

  test('a cursor may be moved back and forth', () => {
    const bytes = Buffer.concat(Array.from({ length: 3000 }, (_, index) => varintField(1 + (index % 15), index * 1000)))
    const parsed = parseFields(bytes)
    const { cursor, end } = cursorOver(bytes)
    fc.assert(
      fc.property(fc.constantFrom(...parsed), ({ start, number, end: fieldEnd }) => {
        cursor.offset = start
        expect(readField(cursor, end)).toMatchObject({ number, start, end: fieldEnd })
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['length-delimited, by one byte', bytesField(5, Buffer.alloc(10)).subarray(0, 11)],
    ['length-delimited, by terabytes', Buffer.concat([varint(5 * 8 + 2), varint(2n ** 43n), Buffer.alloc(9)])],
    ['length-delimited, by the most that can be said', Buffer.concat([varint(5 * 8 + 2), varint(2n ** 53n - 1n)])],
    ['32 bits', float32Field(5, 1).subarray(0, 4)],
    ['64 bits', float64Field(5, 1).subarray(0, 8)],
  ])('a field that ends behind its message is refused: %s', (_, bytes) => {
    const { cursor, end } = cursorOver(bytes)
    refusalOf(() => readField(cursor, end), 'TUREEN_MODEL_MALFORMED', /claims/)
  })

  test('a field may not reach beyond its message into what follows in the file', () => {
    const { cursor, end } = cursorOver(bytesField(5, Buffer.alloc(10)), varintField(1, 1))
    refusalOf(() => readField(cursor, end - 3), 'TUREEN_MODEL_MALFORMED', /claims/)
  })

  test.each([0, 0x20000000])('field number %i is refused', number => {
    const { cursor, end } = cursorOver(varint(BigInt(number) * 8n), varint(1))
    refusalOf(() => readField(cursor, end), 'TUREEN_MODEL_MALFORMED', /Field number/)
  })

  test.each([3, 4, 6, 7])('wire type %i is refused', type => {
    const { cursor, end } = cursorOver(varint(8 + type), varint(1))
    refusalOf(() => readField(cursor, end), 'TUREEN_MODEL_MALFORMED', /Wire type/)
  })
})
