import { describe, expect, test } from 'vitest'
import type { ObjectiveTerm } from '../../src/search/objective.ts'
import { recommendByTerms } from '../../src/search/recommend-by-terms.ts'
import type { ScoredCandidate } from '../../src/search/scored-candidate.ts'
import { judgeByTerms } from '../../src/search/standings.ts'
import { type TestedTerm, testByTerms } from '../../src/search/test-by-terms.ts'

const candidate = (members: number[], scores: number[], misses: number[] = []): ScoredCandidate => ({
  soup: { members, weights: members.map(() => 1), rules: [] },
  value: 0,
  misses,
  seconds: 0,
  cached: false,
  terms: scores.map(value => ({ value, seconds: 0, cached: false })),
})
const [first, second] = [candidate([0], [0.8, 2]), candidate([1], [0.5, 1])]
const soup = candidate([0, 1], [0.75, 1.1])
const terms: ObjectiveTerm[] = [
  { direction: 'max', weight: 2, atLeast: { of: 'best', margin: 0.25 } },
  { direction: 'min', weight: 1, atLeast: null },
]
const tested = (change: Partial<TestedTerm>): TestedTerm => {
  const notes = { winner: undefined, bestSingle: undefined }
  const scores = { winner: 0.7, best: 0.8, bestSingle: 0.8, uniform: null, base: null }
  return { ...scores, interval: null, samples: 10, ignored: 0, leftOut: 0, gains: null, notes, ...change }
}
const onTest = (...changes: Partial<TestedTerm>[]) => {
  const each = changes.map(tested)
  return { ...testByTerms(terms, each, 0.95), confidence: 0.95, terms: each }
}
const recommended = (
  test: ReturnType<typeof onTest> | null,
  { winner = soup, bestSingle = first, guard = false } = {},
) => {
  const end = { winner, bestSingle, standings: judgeByTerms(terms, [first, second], null) }
  return recommendByTerms({ end, test, termNames: ['accuracy on a', 'mse on b'], bestName: 'ft0', guard })
}

describe('the objective on test', () => {
  test('measures gains by the test scores of the best single models by selection', () => {
    const { winner, bestSingle, uniform, direction } = onTest(
      { winner: 0.7, best: 0.8, bestSingle: 0.8 },
      { winner: 0.9, best: 1, bestSingle: 2 },
    )
    expect(winner).toBeCloseTo((2 * (0.7 - 0.8)) / 0.8 + (1 - 0.9) / 1, 12)
    expect(bestSingle).toBeCloseTo(-1, 12)
    expect({ uniform, direction }).toEqual({ uniform: null, direction: 'max' })
  })

  test('says which thresholds the winner misses there', () => {
    expect(onTest({ winner: 0.6, best: 0.8 }, {}).misses).toEqual([])
    expect(onTest({ winner: 0.5, best: 0.8 }, {}).misses).toEqual([0])
  })
})

describe('the recommended model of a search by terms', () => {
  const better = onTest({ winner: 0.8, interval: [-0.1, 0.1] }, { winner: 0.5, interval: [-0.6, -0.1] })
  const worse = onTest({ winner: 0.4, interval: [-0.6, -0.2] }, { winner: 0.7, interval: [-0.2, 0.1] })

  test('is the winner unless its objective on test is worse', () => {
    expect(recommended(better)).toMatchObject({ choice: 'winner', isNoted: false })
    expect(recommended(better).reason).toMatch(/; it gains in mse on b$/)
    expect(recommended(worse)).toMatchObject({ choice: 'bestSingle', isNoted: true })
    expect(recommended(worse).reason).toMatch(/^the winner does not hold up: .*; it loses in accuracy on a$/)
  })

  test('is the winner where the best single model misses a threshold', () => {
    const ruledOut = candidate([0], [0.8, 2], [1])
    const { choice, reason } = recommended(worse, { bestSingle: ruledOut })
    expect(choice).toBe('winner')
    expect(reason).toContain('every single model misses atLeast of a term')
  })

  test('is the best single model if the winner has no objective on test', () => {
    expect(recommended(onTest({ winner: null }, {}))).toMatchObject({ choice: 'bestSingle', isNoted: true })
    expect(recommended(onTest({ winner: null }, {})).reason).toContain('is not defined')
  })

  test('says that guard has chosen by test', () => {
    expect(recommended(better, { guard: true })).toMatchObject({ choice: 'winner', isNoted: true })
    expect(recommended(better, { guard: true }).reason).toContain('guard has now chosen by test')
  })

  test('is the winner without a test, and where the winner is a single model', () => {
    expect(recommended(null)).toMatchObject({ choice: 'winner' })
    expect(recommended(worse, { winner: first })).toMatchObject({ choice: 'winner', isNoted: false })
  })
})
