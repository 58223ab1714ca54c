import { describe, expect, test } from 'vitest'
import { rows, score } from './score.ts'

describe('crossEntropy', () => {
  test('neither overflows nor loses small losses', () => {
    expect(score('crossEntropy', rows([[1e300, -1e300]]), rows([0])).value).toBe(0)
    expect(score('crossEntropy', rows([[1000, 0]]), rows([1])).value).toBe(1000)
    expect(score('crossEntropy', rows([[50, 0]]), rows([0])).value).toBeCloseTo(Math.exp(-50), 35)
    expect(score('crossEntropy', rows([50]), rows([1])).value).toBeCloseTo(Math.exp(-50), 35)
    expect(score('crossEntropy', rows([-1e6]), rows([1])).value).toBe(1e6)
    expect(score('crossEntropy', rows([1e-20]), rows([0])).value).toBe(1e-20)
  })

  test('takes a logit of minus infinity for an excluded class', () => {
    const output = rows([[0, 0, Number.NEGATIVE_INFINITY]])
    expect(score('crossEntropy', output, rows([0])).value).toBeCloseTo(Math.LN2, 15)
    expect(score('crossEntropy', output, rows([2])).value).toBe(Number.POSITIVE_INFINITY)
  })

  test('bounds what a probability of 0 costs, and says so', () => {
    const result = score(
      'crossEntropy',
      rows([
        [0, 1],
        [0.5, 0.5],
      ]),
      rows([0, 0]),
    )
    expect(result.value).toBe((100 + Math.LN2) / 2)
    expect(result.note).toMatch(/; targets of probability 0 that count as 100: 1$/)
    expect(score('crossEntropy', rows([1, 0]), rows([0, 0])).value).toBe(50)
  })

  test('of NaN is NaN', () => {
    expect(score('crossEntropy', rows([[Number.NaN, 0]]), rows([1])).value).toBeNaN()
    expect(score('crossEntropy', rows([Number.NaN, 0.5]), rows([1, 1])).value).toBeNaN()
  })
})
