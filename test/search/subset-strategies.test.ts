import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exhaustive } from '../../src/search/strategies/exhaustive.ts'
import { greedy } from '../../src/search/strategies/greedy.ts'
import { sweep } from '../../src/search/strategies/sweep.ts'
import { topK } from '../../src/search/strategies/top-k.ts'
import type { Candidate } from '../../src/search/strategy.ts'
import { membersOf, runStrategy } from '../support/strategy-runs.ts'

/** A score for every subset of up to 6 models, few enough values that ties are common. */
const games = fc
  .integer({ min: 2, max: 6 })
  .chain(models =>
    fc.record({ models: fc.constant(models), values: fc.array(fc.nat(4), { minLength: 64, maxLength: 64 }) }),
  )

const maskOf = (candidate: Candidate) => membersOf(candidate).reduce((mask, model) => mask | (1 << model), 0)
const names = (candidates: readonly Candidate[]) => candidates.map(candidate => String(membersOf(candidate)))

describe('greedy', () => {
  test.each(['>=', '>'] as const)('follows the recipe of the paper, whatever the scores (%s)', async accept => {
    await fc.assert(
      fc.asyncProperty(games, async ({ models, values }) => {
        const value = (members: readonly number[]) =>
          values[members.reduce((mask, model) => mask | (1 << model), 0)] ?? 0
        const { asked } = await runStrategy(greedy({ type: 'greedy', accept }), models, each => value(membersOf(each)))
        const order = Array.from({ length: models }, (_, model) => model)
        const singles = order.map(model => [model])
        order.sort((a, b) => value([b]) - value([a]) || a - b)
        let soup: number[] = []
        const tried: number[][] = []
        for (const model of order) {
          const next = [...soup, model]
          if (soup.length > 0) tried.push(next.toSorted((a, b) => a - b))
          const better = soup.length === 0 || (accept === '>=' ? value(next) >= value(soup) : value(next) > value(soup))
          if (better) soup = next
        }
        expect(names(asked)).toEqual([...singles, ...tried].map(String))
      }),
    )
  })

  test('says what it will ask next if the model is turned down', async () => {
    const said: string[] = []
    const asked: string[] = []
    await greedy({ type: 'greedy', accept: '>=' }).run({
      models: 4,
      groups: 0,
      anticipate: candidate => void said.push(String(membersOf(candidate))),
      async score(candidates) {
        asked.push(...names(candidates))
        return candidates.map(candidate => (membersOf(candidate).length === 1 ? 10 - maskOf(candidate) : 0))
      },
    })
    expect(asked.slice(4)).toEqual(['0,1', '0,2', '0,3'])
    expect(said).toEqual(['0,2', '0,3'])
  })
})

describe('exhaustive', () => {
  test('asks for every subset once', async () => {
    const strategy = exhaustive({ type: 'exhaustive', maxModels: 12, emptyScore: 0 })
    for (const models of [2, 5, 8]) {
      const { asked } = await runStrategy(strategy, models, () => 1)
      expect(new Set(names(asked)).size).toBe(2 ** models - 1)
      expect(asked).toHaveLength(strategy.candidates(models, 0))
    }
  })

  test('knows no contributions that no number can hold', async () => {
    const strategy = exhaustive({ type: 'exhaustive', maxModels: 12, emptyScore: 0 })
    const score = ({ weights }: Candidate) =>
      weights.filter(Boolean).length > 1 ? -Number.MAX_VALUE : Number.MAX_VALUE
    expect((await runStrategy(strategy, 3, score)).findings).toEqual({})
  })

  test('knows no contributions where a soup has no score', async () => {
    const strategy = exhaustive({ type: 'exhaustive', maxModels: 12, emptyScore: 0 })
    const { findings } = await runStrategy(strategy, 3, each => (maskOf(each) === 5 ? Number.NEGATIVE_INFINITY : 1))
    expect(findings).toEqual({})
  })
})

test('topK averages the best one, two and so on, ties in the order of the models', async () => {
  await fc.assert(
    fc.asyncProperty(games, fc.integer({ min: 1, max: 6 }), async ({ models, values }, k) => {
      const { asked } = await runStrategy(topK({ type: 'topK', k }), models, each => values[maskOf(each)] ?? 0)
      const order = Array.from({ length: models }, (_, model) => model).sort(
        (a, b) => (values[1 << b] ?? 0) - (values[1 << a] ?? 0) || a - b,
      )
      const expected = Array.from({ length: Math.min(k, models) }, (_, index) =>
        String(order.slice(0, index + 1).sort()),
      )
      expect(new Set(names(asked))).toEqual(new Set([...order.map(String), ...expected]))
    }),
  )
})

describe('a sweep', () => {
  test('reports how far, and where, a valley lies below its ends', async () => {
    // s(alpha) = alpha - 4 alpha (1 - alpha): the line between the ends is alpha, the valley 1 below it in the middle.
    const score = ({ weights: [, alpha = 0] }: Candidate) => alpha - 4 * alpha * (1 - alpha)
    const { asked, findings } = await runStrategy(sweep({ type: 'sweep', steps: 9 }), 2, score)
    expect(asked.map(({ weights }) => weights[1])).toEqual([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1])
    expect(findings.barrier).toEqual({ value: 1, alpha: 0.5 })
  })

  test('has no barrier where the line is a hill', async () => {
    const score = ({ weights: [, alpha = 0] }: Candidate) => alpha * (1 - alpha)
    const { findings } = await runStrategy(sweep({ type: 'sweep', steps: 5 }), 2, score)
    expect(findings.barrier).toEqual({ value: 0, alpha: 0 })
  })
})

test('none scores more candidates than it says', async () => {
  await fc.assert(
    fc.asyncProperty(games, async ({ models, values }) => {
      const strategies = [
        greedy({ type: 'greedy', accept: '>=' }),
        exhaustive({ type: 'exhaustive', maxModels: 12, emptyScore: 0 }),
        topK({ type: 'topK' }),
      ]
      for (const strategy of strategies) {
        const { asked } = await runStrategy(strategy, models, each => values[maskOf(each)] ?? 0)
        const withMean = new Set([...names(asked), String(Array.from({ length: models }, (_, model) => model))])
        expect(withMean.size).toBeLessThanOrEqual(strategy.candidates(models, 0))
      }
    }),
  )
})
