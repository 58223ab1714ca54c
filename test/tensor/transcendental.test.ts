import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exponential, naturalLogarithm } from '../../src/tensor/transcendental.ts'

/** How many binary64 numbers lie between two of one sign. */
function ulpsBetween(a: number, b: number): number {
  const bits = (value: number) => new BigInt64Array(new Float64Array([value]).buffer)[0] ?? 0n
  return Math.abs(Number(bits(a) - bits(b)))
}

test('the logarithm is within 2 ulps of the engine’s', () => {
  fc.assert(
    fc.property(fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true }), x => {
      expect(ulpsBetween(naturalLogarithm(x), Math.log(x))).toBeLessThanOrEqual(2)
    }),
    { numRuns: 5000 },
  )
})

test('the exponential is within 2 ulps of the engine’s where neither over- nor underflows', () => {
  fc.assert(
    fc.property(fc.double({ min: -708, max: 709, noNaN: true }), x => {
      expect(ulpsBetween(exponential(x), Math.exp(x))).toBeLessThanOrEqual(2)
    }),
    { numRuns: 5000 },
  )
})

test.each([
  [naturalLogarithm, 1, 0],
  [naturalLogarithm, 0, Number.NEGATIVE_INFINITY],
  [naturalLogarithm, -1, Number.NaN],
  [naturalLogarithm, Number.NaN, Number.NaN],
  [naturalLogarithm, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  [exponential, 0, 1],
  [exponential, 1000, Number.POSITIVE_INFINITY],
  [exponential, -1000, 0],
  [exponential, Number.NaN, Number.NaN],
])('%o of %d is %d', (of, x, y) => {
  expect(of(x)).toBe(y)
})

// The nearest binary64 numbers to the true values, computed with 40 decimals. The first two cancel most.
test.each([
  [1.000242777574109, 0.00024274810840268794],
  [0.700650175800547, -0.3557465524552917],
  [3, 1.0986122886681098],
  [7, 1.9459101490553132],
  [Number.MIN_VALUE, -744.4400719213812],
  [Number.MAX_VALUE, 709.782712893384],
])('ln %d is within 1 ulp of %d', (x, y) => {
  expect(ulpsBetween(naturalLogarithm(x), y)).toBeLessThanOrEqual(1)
})

test('the exponential underflows gradually', () => {
  fc.assert(
    fc.property(fc.double({ min: -750, max: -708, noNaN: true }), x => {
      expect(Math.abs(exponential(x) - Math.exp(x))).toBeLessThanOrEqual(2 * Number.MIN_VALUE)
    }),
  )
})
