import { describe, expect, test } from 'vitest'
import { recommend, sideOf, type TestScores } from '../../src/search/recommendation.ts'
import type { ScoredCandidate } from '../../src/search/scored-candidate.ts'

const candidate = (value: number | null, ...members: number[]): ScoredCandidate => ({
  soup: { members, weights: members.map(() => 1), rules: [] },
  value,
  seconds: 0,
  cached: false,
})
const single = candidate(0.8, 0)
const soup = candidate(0.9, 0, 1)

const scores = (change: Partial<TestScores> = {}): TestScores => ({
  winner: 0.82,
  bestSingle: 0.8,
  uniform: null,
  interval: [0.01, 0.03],
  confidence: 0.95,
  direction: 'max',
  notes: { winner: undefined, bestSingle: undefined },
  ...change,
})
const judge = (test: TestScores | null, { winner = soup, sameData = false, guard = false } = {}) =>
  recommend({ end: { winner, bestSingle: single }, test, sameData, bestName: 'ft0', guard })

describe('the side of an interval', () => {
  test.each<[[number, number], 'max' | 'min', string]>([
    [[0.01, 0.02], 'max', 'better'],
    [[0.01, 0.02], 'min', 'worse'],
    [[-0.02, -0.01], 'max', 'worse'],
    [[-0.02, -0.01], 'min', 'better'],
    [[-0.01, 0.01], 'max', 'around 0'],
    [[0, 0.01], 'max', 'around 0'],
    [[-0.01, 0], 'min', 'around 0'],
    [[0, 0], 'min', 'around 0'],
  ])('%j is, by %s, %s', (interval, direction, side) => {
    expect(sideOf({ interval, direction })).toBe(side)
  })
})

describe('the recommended model', () => {
  const failing = /^the winner does not hold up: /

  test.each<[string, Partial<TestScores>, 'winner' | 'bestSingle', boolean]>([
    ['certainly better', {}, 'winner', false],
    ['better, but not certainly', { interval: [-0.01, 0.05] }, 'winner', true],
    ['equal', { winner: 0.8, interval: [-0.01, 0.01] }, 'winner', true],
    ['worse, but not certainly', { winner: 0.79, interval: [-0.03, 0.01] }, 'bestSingle', true],
    ['certainly worse', { winner: 0.7, interval: [-0.12, -0.08] }, 'bestSingle', true],
    [
      'certainly better where less is better',
      { winner: 0.7, interval: [-0.12, -0.08], direction: 'min' },
      'winner',
      false,
    ],
    ['certainly worse where less is better', { direction: 'min' }, 'bestSingle', true],
    ['worse, without an interval', { winner: 0.7, interval: null }, 'bestSingle', true],
    ['without a score', { winner: null, interval: null }, 'bestSingle', true],
  ])('of a winner that is %s', (_, change, choice, fails) => {
    const { choice: chosen, reason, isNoted } = judge(scores(change))
    expect(chosen).toBe(choice)
    expect(failing.test(reason)).toBe(fails)
    expect(isNoted).toBe(fails)
    // One sentence of at most 30 words, with the name of the other model.
    expect(reason).toMatch(/^[^.]*(?:\.\d[^.]*)*$/)
    expect(reason.split(' ').filter(word => /\w/.test(word)).length).toBeLessThanOrEqual(30)
    expect(reason).toContain('(ft0)')
  })

  test.each<[string, Partial<TestScores>]>([
    ['better, without an interval', { interval: null }],
    ['scored, and the best single model is not', { bestSingle: null, interval: null }],
    ['without a score, as the best single model is', { winner: null, bestSingle: null, interval: null }],
  ])('is a winner that is %s, with a note', (_, change) => {
    expect(judge(scores(change))).toMatchObject({ choice: 'winner', isNoted: true })
  })

  test('is the winner without test, and the best single model that won', () => {
    expect(judge(null)).toMatchObject({ choice: 'winner', isNoted: false })
    const alone = judge(scores({ winner: 0.8, interval: [0, 0] }), { winner: single, guard: true })
    expect(alone).toEqual({ choice: 'winner', isNoted: false, reason: 'the winner is the best single model (ft0)' })
  })

  test('has the scores and the interval in its reason', () => {
    expect(judge(scores({ winner: 0.7999999, interval: [-0.03, 0.01] })).reason).toBe(
      'the winner does not hold up: it scores 0.8 on test, the best single model (ft0) 0.8; the 95 % interval of the difference, -0.03 to 0.01, includes 0',
    )
  })

  test('is not certain on the data that chose it, nor after a guard has chosen', () => {
    expect(judge(scores(), { sameData: true })).toMatchObject({
      isNoted: true,
      reason: expect.stringMatching(/test is the data set that chose the winner$/),
    })
    expect(judge(scores(), { guard: true })).toMatchObject({
      isNoted: true,
      reason: expect.stringMatching(/guard has now chosen by test, so the scores on test are too optimistic$/),
    })
  })
})
