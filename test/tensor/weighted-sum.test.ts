import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { floatFormat } from '../../src/tensor/float-format.ts'
import { decodeTable, encoder, smallFloats } from '../../src/tensor/small-float.ts'
import { sumScratch, weightedSum } from '../../src/tensor/weighted-sum.ts'

type Case = {
  name: string
  dtype: string
  normalize: boolean
  weights: number[]
  inputs: string[]
  expected: string
  nonFinite: number
}

const cases: Case[] = JSON.parse(readFileSync(new URL('../fixtures/numerics/cases.json', import.meta.url), 'utf8'))

/** An aligned copy: typed arrays cannot look into the middle of Node's buffer pool. */
function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

function compute({ dtype, normalize, weights }: Pick<Case, 'dtype' | 'normalize' | 'weights'>, inputs: Uint8Array[]) {
  const format = floatFormat(dtype)
  const bytes = inputs[0]?.byteLength ?? 0
  const count = bytes / format.bytes
  const output = new Uint8Array(bytes)
  const divisor = normalize ? weights.reduce((sum, weight) => sum + weight, 0) : null
  weightedSum(format, { weights, divisor, keepIdentical: normalize }, inputs, count, output, sumScratch(count))
  return { output, nonFinite: format.countNonFinite(output, count) }
}

describe("NumPy's answers, bit for bit", () => {
  const dtypes = [...new Set(cases.map(({ dtype }) => dtype))]
  test('all eight types are covered', () => {
    expect(dtypes.sort()).toEqual(
      ['bfloat16', 'float16', 'float32', 'float64', ...Object.keys(smallFloats).slice(2)].sort(),
    )
  })
  test.each(dtypes)('%s', dtype => {
    for (const each of cases.filter(item => item.dtype === dtype)) {
      const { output, nonFinite } = compute(each, each.inputs.map(bytesOf))
      expect(Buffer.from(output).toString('hex'), each.name).toBe(Buffer.from(each.expected, 'base64').toString('hex'))
      expect(nonFinite, each.name).toBe(each.nonFinite)
    }
  })
})

describe('16-bit floats against the engine', () => {
  test('every code of float16 decodes as Float16Array does', () => {
    const codes = Uint16Array.from({ length: 0x10000 }, (_, code) => code)
    expect(decodeTable(smallFloats.float16)).toEqual(Float64Array.from(new Float16Array(codes.buffer)))
  })
  test('any double rounds to float16 as Float16Array rounds it', () => {
    const encode = encoder(smallFloats.float16)
    const cell = new Float16Array(1)
    const code = new Uint16Array(cell.buffer)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true }),
          fc.double({ min: -70000, max: 70000, noNaN: true }),
          fc.float({ noNaN: true }),
        ),
        value => {
          cell[0] = value
          expect(encode(value)).toBe(code[0])
        },
      ),
      { numRuns: 5000 },
    )
  })
  test('every finite code of every small type survives decoding and encoding', () => {
    for (const type of Object.values(smallFloats)) {
      const encode = encoder(type)
      decodeTable(type).forEach((value, code) => {
        if (Number.isFinite(value) && encode(value) !== code) expect([value, encode(value)]).toEqual([value, code])
      })
    }
  })
})

describe('the identity rule', () => {
  test('a soup of equal elements is those elements, whatever their bits', () => {
    const widths = { float64: 8, float32: 4, float16: 2, float8e4m3fn: 1 }
    fc.assert(
      fc.property(
        fc.constantFrom('float64', 'float32', 'float16', 'float8e4m3fn' as const),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        (dtype, bits, weights) => {
          const other = bits.slice()
          other[0] = (bits[0] ?? 0) ^ 1
          const inputs = weights.map((_, index) => (index === 1 ? other : bits))
          const { output } = compute({ dtype, normalize: true, weights }, inputs)
          const width = widths[dtype as keyof typeof widths]
          expect(output.subarray(width)).toEqual(bits.subarray(width))
        },
      ),
    )
  })
})
