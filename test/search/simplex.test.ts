import fc from 'fast-check'
import { expect, test } from 'vitest'
import { projectOntoSimplex, roundWeights } from '../../src/search/simplex.ts'

const points = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 12 })

test('the nearest point of the simplex meets the conditions of Karush, Kuhn and Tucker', () => {
  fc.assert(
    fc.property(points, x => {
      const w = projectOntoSimplex(x)
      expect(w.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9)
      expect(w.every(weight => weight >= 0)).toBe(true)
      // One shift makes every positive weight of its coordinate, and leaves the coordinates of zero weights at 0 or below.
      const positive = w.findIndex(weight => weight > 0)
      const shift = (x[positive] ?? 0) - (w[positive] ?? 0)
      for (const [index, weight] of w.entries()) {
        if (weight > 0) expect((x[index] ?? 0) - weight).toBeCloseTo(shift, 9)
        else expect((x[index] ?? 0) - shift).toBeLessThanOrEqual(1e-9)
      }
    }),
  )
})

test('rounded weights have four decimals, are not negative, and still sum to 1', () => {
  fc.assert(
    fc.property(points, x => {
      const rounded = roundWeights(projectOntoSimplex(x))
      expect(Math.round(rounded.reduce((sum, weight) => sum + weight * 10_000, 0))).toBe(10_000)
      for (const weight of rounded) {
        expect(weight).toBeGreaterThanOrEqual(0)
        expect(Number(weight.toFixed(4))).toBe(weight)
      }
    }),
  )
})

test('no weight moves by a whole ten-thousandth when rounded, and a rounded one stays', () => {
  const many = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 128 })
  fc.assert(
    fc.property(many, x => {
      const w = projectOntoSimplex(x)
      const rounded = roundWeights(w)
      for (const [index, weight] of rounded.entries())
        expect(Math.abs(weight - (w[index] ?? 0))).toBeLessThan(1e-4 + 1e-12)
      expect(roundWeights(rounded)).toEqual(rounded)
    }),
  )
  const equal = roundWeights(Array.from({ length: 128 }, () => 1 / 128))
  expect(Math.max(...equal) - Math.min(...equal)).toBeCloseTo(0.0001, 9)
})
