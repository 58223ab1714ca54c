import { describe, expect, test } from 'vitest'
import { cmaEs } from '../../src/search/strategies/cma-es.ts'
import { coordinate } from '../../src/search/strategies/coordinate.ts'
import type { Candidate, Strategy } from '../../src/search/strategy.ts'
import { normalized, runStrategy } from '../support/strategy-runs.ts'

const strategies: [string, (groups: string[]) => Strategy][] = [
  ['coordinate', groups => coordinate({ type: 'coordinate', groups, step: 0.5, minimumStep: 0.005 })],
  ['cmaEs', groups => cmaEs({ type: 'cmaEs', groups, seed: 3, generations: 80, sigma: 0.2 })],
]

/** How near the weights of all rows are to a goal each: 0 at best. */
const nearness = (goals: readonly (readonly number[])[]) => (candidate: Candidate) => {
  const rows = [candidate.weights, ...(candidate.groups ?? goals.slice(1).map(() => candidate.weights))]
  let distance = 0
  for (const [row, goal] of goals.entries()) {
    const weights = normalized(rows[row] ?? [])
    for (const [model, weight] of goal.entries()) distance += ((weights[model] ?? 0) - weight) ** 2
  }
  return -distance
}

describe.each(strategies)('%s', (_, create) => {
  test.each([
    ['inside the simplex', [0.5, 0.3, 0.2]],
    ['at its border', [0.7, 0, 0.3, 0]],
    ['at a single model', [0, 1, 0]],
    ['at equal weights', [0.25, 0.25, 0.25, 0.25]],
  ])('finds the best weights %s', async (_, goal) => {
    const { bestScore } = await runStrategy(create([]), goal.length, nearness([goal]))
    expect(bestScore).toBeGreaterThan(-0.0005)
  })

  test('finds the best weights of each group of tensors', async () => {
    const goals = [
      [0.8, 0.2, 0],
      [0.1, 0.3, 0.6],
    ]
    const { bestScore, best } = await runStrategy(create(['encoder.*']), 3, nearness(goals), 1)
    expect(bestScore).toBeGreaterThan(-0.002)
    expect(best?.groups).toHaveLength(1)
  })

  test('asks for the same candidates again, and for no more than it says', async () => {
    const run = () => runStrategy(create([]), 3, nearness([[0.5, 0.3, 0.2]]))
    const { asked } = await run()
    expect((await run()).asked).toEqual(asked)
    expect(asked.length).toBeLessThanOrEqual(create([]).candidates(3, 0))
  })

  test('comes to an end where all soups are alike, or none has a score', async () => {
    for (const score of [0, Number.NEGATIVE_INFINITY]) {
      const { asked } = await runStrategy(create([]), 3, () => score)
      expect(asked.length).toBeLessThanOrEqual(create([]).candidates(3, 0))
    }
  })
})

test('cmaEs learns variances alone in many dimensions, and still finds its way', async () => {
  const goal = Array.from({ length: 70 }, (_, model) => (model < 2 ? 0.5 : 0))
  const strategy = cmaEs({ type: 'cmaEs', groups: [], seed: 1, generations: 150, population: 24, sigma: 0.1 })
  const equal = nearness([goal])({ weights: goal.map(() => 1) })
  const { bestScore } = await runStrategy(strategy, 70, nearness([goal]))
  expect(bestScore).toBeGreaterThan(equal / 10)
})

test('another seed is another search', async () => {
  const run = (seed: number) =>
    runStrategy(cmaEs({ type: 'cmaEs', groups: [], seed, generations: 2, sigma: 0.2 }), 3, nearness([[1, 0, 0]]))
  expect((await run(1)).asked).not.toEqual((await run(2)).asked)
})
