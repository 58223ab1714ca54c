import { describe, expect, test } from 'vitest'
import { coordinate } from '../../src/search/strategies/coordinate.ts'
import type { Candidate } from '../../src/search/strategy.ts'
import { runStrategy } from '../support/strategy-runs.ts'

const strategy = coordinate({ type: 'coordinate', groups: [], step: 0.25, minimumStep: 0.1 })

describe('coordinate ascent', () => {
  test('keeps its step while it gets on, and halves it when a round moves nothing', async () => {
    // Best at 0.25; the mean of all and the second model are made bad, so that it starts from the first.
    const score = ({ weights: [weight = 0, other = 0] }: Candidate) =>
      weight + other > 1 || weight === 0 ? -10 : -Math.abs(weight - 0.25)
    const { asked } = await runStrategy(strategy, 2, score)
    expect(asked.map(({ weights }) => weights)).toEqual([
      [1, 0],
      [0, 1],
      [1, 1],
      [0.75, 0.25],
      [0.5, 0.5],
      [0.25, 0.75],
      [0.375, 0.625],
      [0.125, 0.875],
    ])
  })

  test('stays where it is while nothing is better', async () => {
    const { asked } = await runStrategy(strategy, 4, () => 1)
    for (const { weights } of asked.slice(5)) expect(weights[0]).toBeGreaterThanOrEqual(0.75)
  })

  test('ends where every soup is better than the one before', async () => {
    let scored = 0
    await runStrategy(strategy, 3, () => {
      scored += 1
      return scored
    })
    expect(scored).toBeLessThanOrEqual(strategy.candidates(3, 0))
  })

  test('moves a weight up and down, the others in proportion', async () => {
    const score = ({ weights }: Candidate) => (weights.filter(weight => weight > 0).length > 1 ? 0 : -1)
    const { asked } = await runStrategy(strategy, 3, score)
    // Remainders of a third each: any weight may be the one that is rounded up.
    const near = (weights: number[]) => weights.map(weight => expect.closeTo(weight, 3))
    expect(asked.slice(4, 6).map(({ weights }) => weights)).toEqual([
      near([1 / 3 + 0.25, 5 / 24, 5 / 24]),
      near([1 / 3 - 0.25, 11 / 24, 11 / 24]),
    ])
  })

  test('says what it will ask next if nothing moves, in another group too', async () => {
    const said = new Set<string>()
    const surprises: number[] = []
    let calls = 0
    await strategy.run({
      models: 3,
      groups: 1,
      anticipate: candidate => void said.add(`${calls} ${JSON.stringify(candidate)}`),
      async score(candidates) {
        if (candidates.some(candidate => !said.has(`${calls} ${JSON.stringify(candidate)}`))) surprises.push(calls)
        calls += 1
        return candidates.map(({ weights }) => (weights.includes(0) ? 0 : 1))
      },
    })
    // The models, the mean of all, and two rounds of six weights, each with two moves, of which only the first comes unannounced.
    expect(calls).toBe(2 + 2 * 6)
    expect(surprises).toEqual([0, 1, 2, 8])
    expect(said.size).toBe(2 * 5 * 2)
  })
})
