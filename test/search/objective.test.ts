import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gainOf, judge, type ObjectiveTerm, referenceOf, type TermReference } from '../../src/search/objective.ts'

const term = (change: Partial<ObjectiveTerm> = {}): ObjectiveTerm => {
  return { direction: 'max', weight: 1, atLeast: null, ...change }
}
const free = (best: number | null): TermReference => ({ best, threshold: undefined })
const scores = fc.double({ min: -1e6, max: 1e6, noNaN: true })
const directions = fc.constantFrom<'max' | 'min'>('max', 'min')

describe('the gain of a score', () => {
  test.each<[number | null, number | null, 'max' | 'min', number | null]>([
    [0.9, 0.6, 'max', 0.5],
    [0.3, 0.6, 'max', -0.5],
    [0.9, 0.6, 'min', -0.5],
    [-3, -2, 'max', -0.5],
    [-3, -2, 'min', 0.5],
    // Without a best score to divide by, it is the difference.
    [0.25, 0, 'max', 0.25],
    [0.25, -0, 'min', -0.25],
    [null, 0.6, 'max', null],
    [0.6, null, 'max', null],
  ])('%j over the best single model with %j, by %s, is %j', (score, best, direction, gain) => {
    const found = gainOf(score, best, direction)
    if (gain === null) expect(found).toBeNull()
    else expect(found).toBeCloseTo(gain, 12)
  })

  test('is the same whatever the unit of the scores', () => {
    fc.assert(
      fc.property(
        scores,
        scores,
        directions,
        fc.constantFrom(2 ** -20, 0.5, 2, 1024),
        (score, best, direction, unit) => {
          fc.pre(Math.abs(best) > 1e-3)
          expect(gainOf(score * unit, best * unit, direction)).toBe(gainOf(score, best, direction))
        },
      ),
    )
  })
})

describe('the objective of a soup', () => {
  test('is the sum of the gains times the weights', () => {
    const terms = [term({ weight: 3 }), term({ direction: 'min', weight: 0.5 })]
    expect(judge(terms, [free(0.8), free(2)], [0.6, 1.5])).toEqual({
      value: 3 * ((0.6 - 0.8) / 0.8) + 0.5 * 0.25,
      misses: [],
    })
  })

  test('is not defined without a score in every term, or where it is not finite', () => {
    const two = [term(), term()]
    expect(judge(two, [free(1), free(1)], [1, null]).value).toBeNull()
    expect(judge(two, [free(1), free(null)], [1, 1]).value).toBeNull()
    expect(judge(two, [free(1), free(5e-324)], [1, 1e300]).value).toBeNull()
  })

  test('of one term ranks soups as the term itself does, whatever its weight', () => {
    const weights = fc.constantFrom(1e-3, 0.5, 1, 7, 1000)
    fc.assert(
      fc.property(
        fc.array(scores, { minLength: 2 }),
        scores,
        weights,
        directions,
        (values, best, weight, direction) => {
          fc.pre(Math.abs(best) > 1e-3)
          const rank = (value: number) =>
            judge([term({ weight, direction })], [free(best)], [value]).value ?? Number.NaN
          const sign = direction === 'max' ? 1 : -1
          for (const a of values)
            for (const b of values) if (sign * a > sign * b) expect(rank(a)).toBeGreaterThanOrEqual(rank(b))
        },
      ),
    )
  })
})

describe('a threshold', () => {
  test.each<[ObjectiveTerm['atLeast'], 'max' | 'min', number | null | undefined]>([
    [null, 'max', undefined],
    [0.7, 'max', 0.7],
    [{ of: 'best', margin: 0 }, 'max', 0.9],
    [{ of: 'best', margin: 0.25 }, 'max', 0.65],
    [{ of: 'best', margin: 0.25 }, 'min', 1.15],
    [{ of: 'base', margin: 0.25 }, 'max', 0.25],
    [{ of: 'base', margin: 0.25 }, 'min', 0.75],
  ])('%j, by %s, is %j where the best single model has 0.9 and the base 0.5', (atLeast, direction, threshold) => {
    const found = referenceOf({ atLeast, direction }, 0.9, 0.5).threshold
    if (typeof threshold === 'number') expect(found).toBeCloseTo(threshold, 12)
    else expect(found).toBe(threshold)
  })

  test('is missed by a worse score and by none, and met by an equal one', () => {
    const missed = (score: number | null, threshold: number | null, direction: 'max' | 'min') =>
      judge([term({ direction })], [{ best: 1, threshold }], [score]).misses
    expect(missed(0.7, 0.7, 'max')).toEqual([])
    expect(missed(0.6, 0.7, 'max')).toEqual([0])
    expect(missed(0.6, 0.7, 'min')).toEqual([])
    expect(missed(0.8, 0.7, 'min')).toEqual([0])
    expect(missed(null, 0.7, 'max')).toEqual([0])
  })

  test('without a score to measure it by is missed by every soup', () => {
    const reference = referenceOf({ atLeast: { of: 'base', margin: 1 }, direction: 'max' }, 0.9, null)
    expect(judge([term()], [reference], [1]).misses).toEqual([0])
  })

  test('keeps the objective of a soup that misses it', () => {
    const reference = { best: 1, threshold: 0.9 }
    expect(judge([term()], [reference], [0.5])).toEqual({ value: -0.5, misses: [0] })
  })
})
