import { describe, expect, test } from 'vitest'
import { rows, score } from './score.ts'

describe('rocAuc', () => {
  test('counts a tie as half, and has no value where a score is NaN', () => {
    expect(score('rocAuc', rows([0, 0, -0]), rows([0, 1, 1])).value).toBe(0.5)
    expect(score('rocAuc', rows([1, 2, 2, 3]), rows([0, 0, 1, 1])).value).toBe(0.875)
    expect(score('rocAuc', rows([0, Number.NaN]), rows([0, 1])).value).toBeNaN()
  })

  test('has no value for a single class', () => {
    const binary = score(
      'rocAuc',
      rows([
        [3, 0],
        [0, 3],
      ]),
      rows([0, 0]),
    )
    expect(binary).toEqual({
      value: Number.NaN,
      note: expect.stringMatching(/there is no value: no sample of class 1$/),
    })
    expect(score('rocAuc', rows([0.1, 0.9]), rows([1, 1])).note).toBe('there is no value: no sample of class 0')
    const three = score('rocAuc', rows([[1, 2, 3]]), rows([1]))
    expect(three).toEqual({ value: Number.NaN, note: expect.stringContaining('fewer than two classes') })
  })

  test('leaves classes without samples out of the mean', () => {
    const result = score(
      'rocAuc',
      rows([
        [2, -1, 0.5],
        [0, 3, 1],
        [1, 0, -2],
        [-1, 0, 4],
      ]),
      rows([0, 1, 0, 1]),
    )
    expect(result.perClass?.map(({ class: c }) => c)).toEqual([0, 1])
    expect(result.note).toContain('classes without a sample, left out of the mean: 2')
  })
})
