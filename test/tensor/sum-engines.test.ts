import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { floatFormat } from '../../src/tensor/float-format.ts'
import { simdEngine } from '../../src/tensor/simd-engine.ts'
import { type SumEngine, typedArrayEngine } from '../../src/tensor/sum-engine.ts'
import type { WeightedSum } from '../../src/tensor/weighted-sum.ts'

const dtypes = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
] as const

function requireSimd(): SumEngine {
  const engine = simdEngine()
  if (!engine) throw new Error('this machine has no SIMD')
  return engine
}

const simd = requireSimd()
const reference = typedArrayEngine()

function run(engine: SumEngine, dtype: string, sum: WeightedSum, inputs: readonly Uint8Array[]) {
  const bytes = inputs[0]?.byteLength ?? 0
  const buffers = engine.reserve(inputs.length, bytes)
  inputs.forEach((input, index) => {
    buffers.inputs[index]?.set(input)
  })
  const result = engine.sum(dtype, sum, bytes / floatFormat(dtype).bytes)
  return { ...result, output: Buffer.from(buffers.output).toString('hex') }
}

test("NumPy's answers come out of the kernel, bit for bit", () => {
  const file = new URL('../fixtures/numerics/cases.json', import.meta.url)
  const cases: {
    name: string
    dtype: string
    normalize: boolean
    weights: number[]
    inputs: string[]
    expected: string
    nonFinite: number
  }[] = JSON.parse(readFileSync(file, 'utf8'))
  expect(new Set(cases.map(({ dtype }) => dtype)).size).toBe(dtypes.length)
  for (const { name, dtype, normalize, weights, inputs, expected, nonFinite } of cases) {
    const divisor = normalize ? weights.reduce((sum, weight) => sum + weight, 0) : null
    const sum = { weights, divisor, keepIdentical: normalize }
    const answer = run(
      simd,
      dtype,
      sum,
      inputs.map(input => Uint8Array.from(Buffer.from(input, 'base64'))),
    )
    expect(answer, `${dtype} ${name}`).toMatchObject({
      nonFinite,
      output: Buffer.from(expected, 'base64').toString('hex'),
    })
  }
})

/** Bytes at random, some elements the same in all inputs, so that NaN, infinities, subnormals and both zeros are among them. */
const anyInputs = fc.record({
  models: fc.integer({ min: 1, max: 6 }),
  elements: fc.integer({ min: 1, max: 70 }),
  seed: fc.infiniteStream(fc.nat(255)),
  shared: fc.infiniteStream(fc.boolean()),
  special: fc.infiniteStream(fc.constantFrom(0x00, 0x7f, 0x80, 0xff, 0x7c, 0xfc, 0x3c, 0x01, -1, -1)),
})
const anyWeights = fc.infiniteStream(
  fc.oneof(
    fc.constantFrom(1, -1, 0, 2, 0.5, 3),
    fc.double({ min: -1e3, max: 1e3, noNaN: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
)
const anyDivisor = fc.oneof(
  fc.constant(null),
  fc.constantFrom(1, 2, 3, 10),
  fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
)

describe.each(dtypes)('the kernel and the typed arrays give the same bits: %s', dtype => {
  test('for any bits, weights and divisors', () => {
    const width = floatFormat(dtype).bytes
    fc.assert(
      fc.property(anyInputs, anyWeights, anyDivisor, fc.boolean(), (input, weightStream, divisor, keepIdentical) => {
        const next = <Item>(stream: Iterator<Item>): Item => {
          const { value, done } = stream.next()
          if (done) throw new Error('an infinite stream ended')
          return value
        }
        const element = () => {
          const top = next(input.special)
          return Array.from({ length: width }, (_, byte) => (byte === width - 1 && top >= 0 ? top : next(input.seed)))
        }
        const inputs = Array.from({ length: input.models }, () => new Uint8Array(input.elements * width))
        for (let at = 0; at < input.elements; at += 1) {
          const common = next(input.shared) ? element() : undefined
          for (const bytes of inputs) bytes.set(common ?? element(), at * width)
        }
        const weights = inputs.map(() => next(weightStream))
        const sum = { weights, divisor, keepIdentical }
        expect(run(simd, dtype, sum, inputs)).toEqual(run(reference, dtype, sum, inputs))
      }),
      { numRuns: 400 },
    )
  })
})

test.each(['float16', 'bfloat16', 'float8e4m3fn', 'float8e5m2fnuz'])(
  '%s: every code beside every other kind of code',
  dtype => {
    const width = floatFormat(dtype).bytes
    const codes = 2 ** (8 * width)
    const all = (shift: number) =>
      width === 1
        ? Uint8Array.from({ length: codes }, (_, code) => code + shift)
        : new Uint8Array(Uint16Array.from({ length: codes }, (_, code) => code + shift).buffer)
    for (const shift of [0, 1, codes / 2, codes / 2 + 1, Math.floor(codes / 3)]) {
      const sum = { weights: [1, 1], divisor: 2, keepIdentical: true }
      const inputs = [all(0), all(shift)]
      expect(run(simd, dtype, sum, inputs)).toEqual(run(reference, dtype, sum, inputs))
    }
  },
)

test('float16 means are rounded as Float16Array rounds, halfway cases to even', () => {
  const values = Float16Array.from({ length: 4096 }, (_, index) => (index - 2048) * 2 ** ((index % 40) - 24))
  const others = values.map((value, index) => value + 2 ** ((index % 33) - 24))
  const mean = Float16Array.from(values, (value, index) => (value + (others[index] ?? 0)) / 2)
  const sum = { weights: [1, 1], divisor: 2, keepIdentical: true }
  const bytes = (array: Float16Array<ArrayBuffer>) => new Uint8Array(array.buffer)
  const { output } = run(simd, 'float16', sum, [bytes(values), bytes(others)])
  expect(output).toBe(Buffer.from(bytes(mean)).toString('hex'))
})
