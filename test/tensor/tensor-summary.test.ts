import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { decodedElements } from '../../src/onnx/decoded-elements.ts'
import { dtypeCode } from '../../src/tensor/dtype.ts'
import { summarizeElements } from '../../src/tensor/tensor-summary.ts'

const fact = z.number().nullable()
const expectedCases = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    hex: z.string(),
    elements: z.number(),
    nonFinite: z.number(),
    min: fact,
    max: fact,
    mean: fact,
    standardDeviation: fact,
    norm: fact,
    bins: z.array(z.number()),
  }),
)

/** Answers of NumPy: make_tensor_summaries.py beside them. */
const cases = expectedCases.parse(
  JSON.parse(readFileSync(new URL('../fixtures/numerics/tensor-summaries.json', import.meta.url), 'utf8')),
)

/** Returns what the reader of a tensor with these bytes yields. */
function readerOf(dtype: string, bytes: Uint8Array) {
  const source = memorySource(bytes)
  const payload = { form: 'none' } as const
  const tensor = { name: 'x', path: 'graph.initializer[0]', frame: -1, dataType: dtypeCode(dtype), payload }
  return decodedElements({ ...tensor, dims: [], elements: 0 }, source)
}

describe('a summary is that of NumPy', () => {
  test.each(Object.entries(cases))('%s', (_, { dtype, hex, ...expected }) => {
    const read = readerOf(dtype, Buffer.from(hex, 'hex'))
    const { mean, standardDeviation, norm, ...exact } = summarizeElements(read ?? (() => []))
    const { mean: itsMean, standardDeviation: itsDeviation, norm: itsNorm, ...others } = expected
    expect(exact).toEqual(others)
    // Both round each step, so the last digits may differ: by the largest element, since a mean may cancel.
    const most = Math.max(Math.abs(expected.min ?? 0), Math.abs(expected.max ?? 0))
    for (const [own, numpy] of [
      [mean, itsMean],
      [standardDeviation, itsDeviation],
      [norm, itsNorm],
    ] as const) {
      if (numpy === null) expect(own).toBeNull()
      else expect(Math.abs((own ?? Number.NaN) - numpy)).toBeLessThanOrEqual(1e-13 * Math.max(most, Math.abs(numpy)))
    }
  })
})

test('elements near the ends of binary64 neither overflow nor vanish', () => {
  const most = Number.MAX_VALUE
  const wide = summarizeElements(() => [Float64Array.of(-most, most)])
  expect(wide).toMatchObject({ min: -most, max: most, mean: 0, standardDeviation: most, norm: null })
  expect([wide.bins[0], wide.bins[63]]).toEqual([1, 1])
  const tiny = summarizeElements(() => [Float64Array.of(3e-300, 4e-300)])
  expect(tiny.norm).toBeCloseTo(5e-300, 310)
  expect(tiny.norm).toBeGreaterThan(4.999e-300)
})

test('every finite element is in one bin, and the moments keep their order, however the elements are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.double(), { maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (values, size) => {
      const chunks = Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
        Float64Array.from(values.slice(index * size, (index + 1) * size)),
      )
      const { elements, nonFinite, min, max, mean, bins } = summarizeElements(() => chunks)
      expect(elements).toBe(values.length)
      expect(bins).toHaveLength(64)
      expect(bins.reduce((sum, count) => sum + count, 0)).toBe(elements - nonFinite)
      const finite = values.filter(Number.isFinite)
      if (finite.length === 0) {
        expect([min, max, mean]).toEqual([null, null, null])
        return
      }
      expect(min).toBe(Math.min(...finite))
      expect(max).toBe(Math.max(...finite))
      const slack = 1e-12 * Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0))
      expect(mean).toBeGreaterThanOrEqual((min ?? 0) - slack)
      expect(mean).toBeLessThanOrEqual((max ?? 0) + slack)
    }),
  )
})

test.each(['string', 'complex64', 'int4', 'float4e2m1', 'float8e8m0', 'float6e2m3'])('%s has no summary', dtype => {
  expect(readerOf(dtype, new Uint8Array(16))).toBeUndefined()
})

test.each(['bfloat16', 'float8e4m3fn', 'float8e5m2'])('%s has one', dtype => {
  // The bits of all these types are 0 for zero.
  expect(summarizeElements(readerOf(dtype, new Uint8Array(4)) ?? (() => []))).toMatchObject({ min: 0, max: 0, norm: 0 })
})
