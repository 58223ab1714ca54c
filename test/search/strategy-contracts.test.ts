import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StrategyRequest } from '../../schemas/strategy.ts'
import { shapleyValues } from '../../src/search/shapley.ts'
import { exhaustive } from '../../src/search/strategies/exhaustive.ts'
import { createStrategy } from '../../src/search/strategies/strategy-registry.ts'
import { sweep } from '../../src/search/strategies/sweep.ts'
import type { Candidate } from '../../src/search/strategy.ts'
import { membersOf, runStrategy } from '../support/strategy-runs.ts'

const ofTwoModels: StrategyRequest = { type: 'sweep', steps: 5 }
const others: StrategyRequest[] = [
  { type: 'greedy', accept: '>=' },
  { type: 'exhaustive', maxModels: 12, emptyScore: 0 },
  { type: 'topK' },
  { type: 'pairs', tolerance: 0 },
  { type: 'coordinate', groups: [], step: 0.5, minimumStep: 0.05 },
  { type: 'cmaEs', groups: [], seed: 1, generations: 5, sigma: 0.2 },
]
const withGroups = others.filter(({ type }) => type === 'coordinate' || type === 'cmaEs')

const maskOf = (candidate: Candidate) => membersOf(candidate).reduce((mask, model) => mask | (1 << model), 0)

/** A score that depends on all weights and follows no shape, with ties. */
function scrambled(candidate: Candidate, salt: number): number {
  let hash = salt
  for (const char of JSON.stringify(candidate)) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0
  return hash % 7
}

/** What a search scores in all: what every search begins with, and what the strategy asks for. */
function scoredInAll(asked: readonly Candidate[], models: number): number {
  const single = Array.from({ length: models }, (_, model) => Array.from({ length: models }, (_, i) => +(i === model)))
  const all = Array.from({ length: models }, () => 1)
  const first = [...single, all].map(weights => JSON.stringify({ weights }))
  return new Set([...first, ...asked.map(candidate => JSON.stringify(candidate))]).size
}

describe.each([ofTwoModels, ...others])('the strategy $type', request => {
  const sizes = request.type === 'sweep' ? fc.constant(2) : fc.integer({ min: 2, max: 6 })

  test('repeats itself, and scores no more than it says, whatever the scores', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (models, salt) => {
        const run = () => runStrategy(createStrategy(request), models, candidate => scrambled(candidate, salt))
        const { asked } = await run()
        expect((await run()).asked).toEqual(asked)
        expect(scoredInAll(asked, models)).toBeLessThanOrEqual(createStrategy(request).candidates(models, 0))
        for (const candidate of asked) expect(candidate).not.toHaveProperty('groups')
      }),
      { numRuns: 30 },
    )
  })

  test('lets pass what ends the search', async () => {
    const context = {
      models: 2,
      groups: 0,
      anticipate: () => undefined,
      score: () => Promise.reject(new Error('spent')),
    }
    await expect(createStrategy(request).run(context)).rejects.toThrow('spent')
  })
})

test.each(withGroups)('$type gives every group weights that mean something', async request => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 0, max: 3 }), fc.nat(), async (...input) => {
      const [models, groups, salt] = input
      const score = (candidate: Candidate) => scrambled(candidate, salt)
      const { asked } = await runStrategy(createStrategy(request), models, score, groups)
      expect(scoredInAll(asked, models)).toBeLessThanOrEqual(createStrategy(request).candidates(models, groups))
      for (const candidate of asked) {
        if (candidate.groups) expect(candidate.groups).toHaveLength(groups)
        for (const row of [candidate.weights, ...(candidate.groups ?? [])]) {
          expect(row).toHaveLength(models)
          expect(row.every(weight => weight >= 0)).toBe(true)
          expect(row.some(weight => weight > 0)).toBe(true)
        }
      }
    }),
    { numRuns: 30 },
  )
})

test('cmaEs scores exactly the generations that it announces', async () => {
  const sizes: number[] = []
  const strategy = createStrategy({ type: 'cmaEs', groups: [], seed: 0, generations: 7, population: 9, sigma: 0.2 })
  await strategy.run({
    models: 4,
    groups: 0,
    anticipate: () => undefined,
    async score(candidates) {
      sizes.push(candidates.length)
      return candidates.map(() => 0)
    },
  })
  expect(sizes).toEqual(Array.from({ length: 7 }, () => 9))
  expect(strategy.candidates(4, 0)).toBe(4 + 1 + 7 * 9)
})

test('exhaustive credits each model with the Shapley value of the scores, by their subsets', async () => {
  // The glove game, and something for each subset besides, so that no two scores can be mixed up.
  const value = (mask: number) => (mask & 1 && mask & 6 ? 1 : 0) + mask / 100
  const { findings } = await runStrategy(exhaustive({ type: 'exhaustive', maxModels: 12, emptyScore: 0 }), 3, each =>
    value(maskOf(each)),
  )
  expect(findings.contributions?.map(({ shapley }) => shapley)).toEqual(
    [2 / 3 + 0.01, 1 / 6 + 0.02, 1 / 6 + 0.04].map(each => expect.closeTo(each, 12)),
  )
  expect(findings.contributions).toEqual(shapleyValues(3, value))
})

describe('a sweep', () => {
  test('is refused for any number of models but two', async () => {
    await expect(runStrategy(sweep({ type: 'sweep', steps: 5 }), 3, () => 1)).rejects.toThrow(RangeError)
  })

  test('has no barrier that no number can hold', async () => {
    const score = ({ weights }: Candidate) => (weights.includes(0) ? Number.MAX_VALUE : -Number.MAX_VALUE)
    expect((await runStrategy(sweep({ type: 'sweep', steps: 5 }), 2, score)).findings).toEqual({})
  })

  test('has no barrier where a soup has no score', async () => {
    const score = ({ weights: [, alpha = 0] }: Candidate) => (alpha === 0.5 ? Number.NEGATIVE_INFINITY : 1)
    expect((await runStrategy(sweep({ type: 'sweep', steps: 5 }), 2, score)).findings).toEqual({})
  })
})
