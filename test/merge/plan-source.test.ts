import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readBytes } from '../../src/onnx/byte-source.ts'
import { elementType } from '../support/onnx-model.ts'
import { initializerBytes, tensorsOf } from '../support/onnx-oracle.ts'
import { type Random, seededRandom } from '../support/random.ts'
import { randomCases } from '../support/random-cases.ts'
import { modelOf } from '../support/rich-model.ts'
import { scattered } from '../support/scattered.ts'
import { planInMemory, type SoupInput } from '../support/soup.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint, varintField } from '../support/wire-bytes.ts'

const field = onnxField.tensor

/** Bits of floats, every fifth of them a NaN or an infinity, by the bits of the exponent. */
function floatBits(random: Random, count: number, width: 1 | 2 | 4 | 8, exponent: bigint): Buffer {
  const values = Array.from({ length: count }, () => {
    const bits = BigInt.asUintN(
      width * 8,
      (BigInt(random.integer(0, 2 ** 30)) << 40n) ^ BigInt(random.integer(0, 2 ** 52)),
    )
    return random.integer(0, 4) === 0 ? bits | exponent : bits
  })
  const bytes = Buffer.alloc(count * width)
  for (const [index, value] of values.entries()) {
    for (let byte = 0; byte < width; byte += 1)
      bytes[index * width + byte] = Number((value >> BigInt(8 * byte)) & 0xffn)
  }
  return bytes
}

const slices = (bytes: Buffer, width: number) =>
  Array.from({ length: bytes.byteLength / width }, (_, index) => bytes.subarray(index * width, (index + 1) * width))

type Stored = {
  name: string
  dataType: number
  elements: number
  width: 1 | 2 | 4 | 8
  exponent: bigint
  write: (bytes: Buffer, random: Random) => Buffer
}

const raw = (bytes: Buffer) => bytesField(field.rawData, bytes)

/** Values in several runs, packed or one by one. */
function inRuns(number: number, singleType: number, values: Buffer[], random: Random): Buffer {
  const fields: Buffer[] = []
  for (let at = 0; at < values.length; ) {
    const run = values.slice(at, at + random.integer(1, 4))
    const isPacked = random.integer(0, 1) === 0
    fields.push(
      ...(isPacked
        ? [bytesField(number, run)]
        : run.map(value => Buffer.concat([varint(number * 8 + singleType), value]))),
    )
    at += run.length
  }
  return Buffer.concat(fields)
}

const codes = (bytes: Buffer) => slices(bytes, 2).map(code => varint(code.readUInt16LE()))

/** One tensor in each of the ways to store one. */
const storages: Stored[] = [
  { name: 'raw32', dataType: 1, elements: 7, width: 4, exponent: 0x7f800000n, write: raw },
  { name: 'raw64', dataType: 11, elements: 3, width: 8, exponent: 0x7ff0000000000000n, write: raw },
  { name: 'raw16', dataType: 10, elements: 5, width: 2, exponent: 0x7c00n, write: raw },
  { name: 'rawb16', dataType: 16, elements: 4, width: 2, exponent: 0x7f80n, write: raw },
  { name: 'raw8', dataType: 17, elements: 6, width: 1, exponent: 0x7fn, write: raw },
  {
    name: 'packed32',
    dataType: 1,
    elements: 6,
    width: 4,
    exponent: 0x7f800000n,
    write: bytes => bytesField(field.floatData, bytes),
  },
  {
    name: 'runs32',
    dataType: 1,
    elements: 9,
    width: 4,
    exponent: 0x7f800000n,
    write: (bytes, random) => inRuns(field.floatData, 5, slices(bytes, 4), random),
  },
  {
    name: 'runs64',
    dataType: 11,
    elements: 5,
    width: 8,
    exponent: 0x7ff0000000000000n,
    write: (bytes, random) => inRuns(field.doubleData, 1, slices(bytes, 8), random),
  },
  {
    name: 'varints',
    dataType: 10,
    elements: 8,
    width: 2,
    exponent: 0x7c00n,
    write: (bytes, random) => inRuns(field.int32Data, 0, codes(bytes), random),
  },
]

/** Models with a tensor in each storage, in an order of their own, with fields that nobody knows between them. */
function variants(count: number, random: Random): Buffer[] {
  const common = seededRandom(random.integer(0, 2 ** 30))
  const same = {
    bytes: floatBits(common, 5, 4, 0x7f800000n),
    codes: Array.from({ length: 4 }, () => common.integer(0, 0x7bff)),
  }
  return Array.from({ length: count }, () =>
    modelBytes(
      random.shuffled([
        ...storages.map(({ name, dataType, elements, width, exponent, write }) =>
          tensorBytes(name, dataType, [elements], write(floatBits(random, elements, width, exponent), random)),
        ),
        tensorBytes('same', 1, [5], raw(same.bytes)),
        tensorBytes(
          'same varints',
          10,
          [4],
          bytesField(
            field.int32Data,
            same.codes.map(code => varint(code)),
          ),
        ),
        tensorBytes('integers', 7, [2], varintField(field.int64Data, 5), varintField(field.int64Data, -1)),
        tensorBytes('none', 1, [0], raw(Buffer.alloc(0))),
      ]),
    ),
  )
}

const isNonFinite: Record<number, (bytes: Buffer) => boolean> = {
  1: bytes => !Number.isFinite(bytes.readFloatLE()),
  10: bytes => (bytes.readUInt16LE() & 0x7c00) === 0x7c00,
  11: bytes => !Number.isFinite(bytes.readDoubleLE()),
  16: bytes => (bytes.readUInt16LE() & 0x7f80) === 0x7f80,
  17: bytes => (bytes.readUInt8() & 0x7f) === 0x7f,
}

/** NaN and infinite elements among the averaged tensors of a model, as it is. */
function countNonFinite(model: Buffer): number {
  const tensors = [
    ...storages,
    { name: 'same', dataType: 1, width: 4 },
    { name: 'same varints', dataType: 10, width: 2 },
  ]
  const stored = new Map(tensorsOf(model).map(({ name, bytes }) => [name, bytes]))
  return tensors
    .flatMap(({ name, dataType, width }) =>
      slices(stored.get(name) ?? Buffer.alloc(0), width).map(isNonFinite[dataType] ?? (() => false)),
    )
    .filter(Boolean).length
}

/** [0, length) cut into windows, in another order. */
function windows(length: number, count: number, random: Random): { start: number; end: number }[] {
  const cuts = Array.from({ length: count }, () => random.integer(0, length)).sort((a, b) => a - b)
  return random.shuffled([...cuts, length].map((end, index) => ({ start: cuts[index - 1] ?? 0, end })))
}

const weightsOf = [
  [1, 1],
  [2, 3, 4],
  [1.5, -0.5],
  [0.1, 0.7],
]

describe('a planned soup read in any windows, in any order', () => {
  test('gives the same bytes and the same report as read at once, every NaN and infinity counted exactly once', () => {
    const counts = { nonFinite: 0 }
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(...weightsOf),
        fc.boolean(),
        fc.boolean(),
        fc.nat(60),
        (seed, weights, normalize, provenance, cuts) => {
          const random = seededRandom(seed)
          const inputs: SoupInput[] = variants(weights.length, random).map((bytes, index) => ({
            bytes,
            weight: weights[index] ?? 1,
          }))
          const whole = planInMemory(inputs, { normalize, provenance })
          const content = Buffer.from(readBytes(whole, 0, whole.byteLength))
          const inWindows = planInMemory(inputs, { normalize, provenance })
          const bytes = Buffer.alloc(whole.byteLength)
          for (const { start, end } of windows(whole.byteLength, cuts, random))
            inWindows.read(start, bytes.subarray(start, end))
          expect(bytes.equals(content)).toBe(true)
          expect(inWindows.counts()).toEqual(whole.counts())
          expect(whole.counts().nonFinite).toBe(countNonFinite(content))
          counts.nonFinite += whole.counts().nonFinite
        },
      ),
      { numRuns: randomCases(250) },
    )
    expect(counts.nonFinite).toBeGreaterThan(1000)
  })

  test('byte by byte, forwards and backwards', () => {
    const inputs = variants(2, seededRandom(5)).map(bytes => ({ bytes, weight: 1 }))
    const whole = planInMemory(inputs)
    const content = Buffer.from(readBytes(whole, 0, whole.byteLength))
    for (const backwards of [false, true]) {
      const source = planInMemory(inputs)
      const bytes = Buffer.alloc(source.byteLength)
      for (let step = 0; step < bytes.byteLength; step += 1) {
        const at = backwards ? bytes.byteLength - 1 - step : step
        source.read(at, bytes.subarray(at, at + 1))
      }
      expect(bytes.equals(content)).toBe(true)
      expect(source.counts()).toEqual(whole.counts())
    }
  })

  test('again and again, overlapping: the same bytes each time', () => {
    const inputs = variants(3, seededRandom(6)).map(bytes => ({ bytes, weight: 1 }))
    const source = planInMemory(inputs)
    const content = Buffer.from(readBytes(source, 0, source.byteLength))
    fc.assert(
      fc.property(fc.nat(content.byteLength), fc.nat(200), (start, length) => {
        const end = Math.min(content.byteLength, start + length)
        expect(Buffer.from(readBytes(source, start, end - start)).equals(content.subarray(start, end))).toBe(true)
      }),
      { numRuns: randomCases(500) },
    )
  })

  test('beyond its end it cannot be read', () => {
    const source = planInMemory(variants(1, seededRandom(7)).map(bytes => ({ bytes, weight: 1 })))
    expect(() => source.read(source.byteLength, new Uint8Array(1))).toThrow(RangeError)
    expect(() => source.read(-1, new Uint8Array(1))).toThrow(RangeError)
    expect(() => source.read(source.byteLength - 1, new Uint8Array(2))).toThrow(RangeError)
    source.read(source.byteLength, new Uint8Array(0))
  })
})

describe('a tensor larger than a chunk', () => {
  test.each([2, 3])('is the same in windows that cross chunks, %i models', models => {
    const elements = 700_001
    const random = seededRandom(models)
    const values = Array.from({ length: models }, (_, model) => scattered(elements, 1, 0x9e3779b1 + 2 * model))
    const inputs = values.map((tensor, index) => ({
      bytes: modelOf({
        initializer: [
          { name: 'W', dims: [elements], dataType: elementType.float32, rawData: new Uint8Array(tensor.buffer) },
        ],
      }),
      weight: index + 1,
    }))
    const total = (models * (models + 1)) / 2
    const expected = new Float32Array(elements)
    for (let at = 0; at < elements; at += 1) {
      let sum = 1 * (values[0]?.[at] ?? 0)
      for (let model = 1; model < models; model += 1) sum = sum + (model + 1) * (values[model]?.[at] ?? 0)
      expected[at] = sum / total
    }
    const source = planInMemory(inputs)
    const content = Buffer.alloc(source.byteLength)
    for (const { start, end } of windows(source.byteLength, 12, random))
      source.read(start, content.subarray(start, end))
    expect(initializerBytes(content, 'W').equals(Buffer.from(expected.buffer))).toBe(true)
    expect(source.counts()).toEqual({ tensors: { averaged: 1, copied: 0, nonFloat: 0 }, nonFinite: 0 })
  })
})
