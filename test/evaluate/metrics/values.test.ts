import { describe, expect, test } from 'vitest'
import { rows, score, values } from './score.ts'

const { NaN: notANumber, POSITIVE_INFINITY: infinite } = Number

describe('values', () => {
  test('axes of size 1 do not matter', () => {
    expect(score('mse', values([3], [1, 2, 3]), values([3, 1], [1, 2, 5])).value).toBe(4 / 3)
    expect(score('mae', values([1, 1, 2, 2], [1, 2, 3, 4]), values([1, 2, 2], [1, 2, 3, 0])).value).toBe(1)
  })

  test('rmse of several numbers is the mean of their roots, as in scikit-learn', () => {
    expect(score('rmse', rows([[1, 0]]), rows([[0, 0]])).value).toBe(0.5)
    expect(score('mse', rows([[1, 0]]), rows([[0, 0]])).value).toBe(0.5)
  })

  test.each([
    ['met', [5, 5, 5], 1],
    ['missed', [5, 5, 6], 0],
    ['missed by NaN', [5, 5, notANumber], notANumber],
  ])('r2 of a constant target that is %s', (_, output, expected) => {
    expect(score('r2', rows(output), rows([5, 5, 5])).value).toBe(expected)
  })

  test('r2 of a constant target that no sum of it would reproduce', () => {
    const target = values([10], new Float64Array(10).fill(0.1))
    expect(score('r2', target, target).value).toBe(1)
    expect(score('r2', values([10], new Float64Array(10)), target).value).toBe(0)
  })

  test('r2 of a single sample does not exist', () => {
    const expected = { value: notANumber, note: 'there is no value: R² needs at least two samples' }
    expect(score('r2', rows([1]), rows([1]))).toEqual(expected)
  })

  test('what is not finite stays so', () => {
    expect(score('mse', rows([notANumber, 1]), rows([0, 1])).value).toBeNaN()
    expect(score('mae', rows([infinite, 1]), rows([0, 1])).value).toBe(infinite)
    expect(score('rmse', rows([1e200]), rows([0])).value).toBe(infinite)
  })
})

describe('references', () => {
  test.each([
    ['both zero', [0, 0], [0, -0], 1],
    ['one zero', [0, 0], [0, 1], 0],
    ['the same', [0.1, 0.7], [0.1, 0.7], 1],
    ['opposite', [0.1, 0.7], [-0.3, -2.1], -1],
    ['at a right angle', [1, 1], [1, -1], 0],
    ['too large to be squared', [1e300, 1e300], [1e300, 0], Math.SQRT1_2],
    ['too small to be squared', [5e-324, 0], [5e-324, 5e-324], Math.SQRT1_2],
    ['not finite', [infinite, 1], [1, 1], notANumber],
    ['not a number', [1, 1], [notANumber, 1], notANumber],
  ])('cosine of vectors that are %s', (_, output, target, expected) => {
    const { value } = score('cosine', rows([output]), rows([target]))
    if (Number.isNaN(expected)) expect(value).toBeNaN()
    else expect(value).toBeCloseTo(expected, 15)
  })

  test('cosine is the mean over samples, and stays within [-1, 1]', () => {
    expect(
      score(
        'cosine',
        rows([
          [1, 0],
          [0, 2],
        ]),
        rows([
          [3, 0],
          [1, 0],
        ]),
      ).value,
    ).toBe(0.5)
    for (let i = 1; i < 200; i += 1) {
      const vector = [1 / i, Math.sqrt(i), i / 3]
      const { value } = score('cosine', rows([vector]), rows([vector.map(x => x * 3)]))
      expect(value).toBeLessThanOrEqual(1)
      expect(score('cosine', rows([vector]), rows([vector])).value).toBe(1)
    }
  })

  test.each([
    ['NaN twice', notANumber, notANumber, 0],
    ['NaN and a number', notANumber, 1, infinite],
    ['a number and NaN', 1, notANumber, infinite],
    ['infinity twice', infinite, infinite, 0],
    ['opposite infinities', infinite, -infinite, infinite],
    ['infinity and NaN', infinite, notANumber, infinite],
    ['two zeros', 0, -0, 0],
    ['two numbers', -1, 2, 3],
  ])('maxAbsDifference of %s', (_, output, target, expected) => {
    expect(score('maxAbsDifference', rows([0, output]), rows([0, target])).value).toBe(expected)
  })

  test('allClose measures by the reference, not by the output', () => {
    expect(score('allClose', rows([1.1]), rows([1]), { rtol: 0.095, atol: 0 }).value).toBe(0)
    expect(score('allClose', rows([1]), rows([1.1]), { rtol: 0.095, atol: 0 }).value).toBe(1)
  })

  test('allClose counts samples, not elements', () => {
    expect(
      score(
        'allClose',
        rows([
          [1, 2],
          [3, 4],
        ]),
        rows([
          [1, 2],
          [3, 5],
        ]),
      ).value,
    ).toBe(0.5)
  })

  test('arrays without axes are one sample, samples without elements agree', () => {
    expect(score('allClose', values([], [1]), values([], [1])).value).toBe(1)
    for (const [metric, expected] of [
      ['allClose', 1],
      ['cosine', 1],
      ['maxAbsDifference', 0],
    ] as const) {
      expect(score(metric, values([3, 0], []), values([3, 0], [])).value).toBe(expected)
    }
  })
})
