import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { floatFormat } from '../../src/tensor/float-format.ts'
import { combined, cosineOf, PairSums, relativeDistanceOf, sumBlock, TreeSum } from '../../src/tensor/pair-sums.ts'

const float64 = floatFormat('float64')

function bytesOf(values: ArrayLike<number>): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer)
}

/** Measures two tensors, read in chunks of so many blocks. */
function measure(a: ArrayLike<number>, b: ArrayLike<number>, blocks = 1) {
  const sums = new PairSums(float64)
  const [x, y] = [bytesOf(a), bytesOf(b)]
  const chunk = blocks * sumBlock * 8
  for (let offset = 0; offset < x.byteLength; offset += chunk)
    sums.add(x.slice(offset, offset + chunk), y.slice(offset, offset + chunk))
  return sums.measure
}

describe('a sum in a fixed tree', () => {
  test('adds neighbours first, then neighbours of those, the rest behind', () => {
    const sum = new TreeSum()
    // ((1 + 1e16) + (-1e16 + 1)) + 1: either 1 next to 1e16 is lost, from left to right and in any other tree otherwise.
    for (const value of [1, 1e16, -1e16, 1, 1]) sum.add(value)
    expect(sum.total).toBe(1 + 1e16 + (-1e16 + 1) + 1)
  })

  test('of whole numbers is their sum', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e6, max: 1e6 })), values => {
        const sum = new TreeSum()
        for (const value of values) sum.add(value)
        expect(sum.total).toBe(values.reduce((a, b) => a + b, 0))
      }),
    )
  })
})

describe('measures of two tensors', () => {
  test('are those of geometry', () => {
    const parallel = measure([3, 4], [6, 8])
    expect([cosineOf(parallel), relativeDistanceOf(parallel)]).toEqual([1, 1])
    const orthogonal = measure([3, 4], [-4, 3])
    expect(cosineOf(orthogonal)).toBe(0)
    expect(relativeDistanceOf(orthogonal)).toBeCloseTo(Math.SQRT2, 15)
    expect(cosineOf(measure([3, 4], [-3, -4]))).toBe(-1)
  })

  test('say nothing of the angle to a tensor of zeros', () => {
    const fromZero = measure([0, 0], [1, 0])
    expect([cosineOf(fromZero), relativeDistanceOf(fromZero)]).toEqual([null, null])
    const zeros = measure([0], [0])
    expect([cosineOf(zeros), relativeDistanceOf(zeros)]).toEqual([null, 0])
  })

  test('leave out what is not finite in either, and count it', () => {
    const { nonFinite, ...sums } = measure([Number.NaN, 1, 2], [1, Number.POSITIVE_INFINITY, 3])
    expect(nonFinite).toEqual({ a: 1, b: 1 })
    expect(sums).toEqual({ dot: 6, squares: { a: 4, b: 9, difference: 1 } })
  })

  test('do not depend on how much is read at a time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * sumBlock }), fc.integer({ min: 2, max: 7 }), (elements, blocks) => {
        const a = Float64Array.from({ length: elements }, (_, index) => Math.sin(index * 1.1))
        const b = a.map(value => Math.fround(value * 1.7))
        expect(measure(a, b, blocks)).toEqual(measure(a, b))
      }),
      { numRuns: 20 },
    )
  })

  test('of parts together are those of the whole', () => {
    const parts = [measure([1, 2], [2, 2]), measure([-3], [5])]
    expect(combined(parts)).toEqual(measure([1, 2, -3], [2, 2, 5]))
  })
})
