import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { barriersOf, groupsWithoutBarriers, type PairBarrier, spoilersAmong } from '../../src/search/pair-barriers.ts'
import { notesOnPairs } from '../../src/search/pair-notes.ts'
import { pairs } from '../../src/search/strategies/pairs.ts'
import { membersOf, runStrategy } from '../support/strategy-runs.ts'

/** Returns the barrier of each pair, from a function. */
function allPairs(models: number, barrier: (a: number, b: number) => number | null): PairBarrier[] {
  const ends = Array.from({ length: models }, (_, model) => model)
  return ends.flatMap(a => ends.slice(a + 1).map(b => ({ a, b, barrier: barrier(a, b) })))
}

describe('pairs', () => {
  test('scores every model and every midpoint, and nothing else', async () => {
    const strategy = pairs({ type: 'pairs', tolerance: 0 })
    const { asked } = await runStrategy(strategy, 4, () => 1)
    expect(asked.map(membersOf)).toEqual([[0], [1], [2], [3], [0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    expect(strategy.upfront?.({ models: 4, groups: 0 })).toEqual(asked)
    expect(strategy.candidates(4, 0)).toBe(asked.length + 1)
  })

  test('finds on a bowl the barrier of its closed form', async () => {
    // Between a and b on f(x) = -x^2, the midpoint lies above the mean of the ends by ((a - b) / 2)^2.
    const places = [0, 1, 3, 7]
    const heightAt = (members: number[]) =>
      -((members.reduce((sum, model) => sum + (places[model] ?? 0), 0) / members.length) ** 2)
    const { findings } = await runStrategy(pairs({ type: 'pairs', tolerance: 0 }), 4, each => heightAt(membersOf(each)))
    const expected = allPairs(4, (a, b) => -((((places[a] ?? 0) - (places[b] ?? 0)) / 2) ** 2))
    expect(findings.pairs).toEqual({ barriers: expected, groups: [[0, 1, 2, 3]] })
  })

  test('finds families, and the model that belongs to none', async () => {
    // Midpoints within {0, 2} and within {1, 3, 4} are as good as their ends; all others score 0.
    const family = [0, 1, 0, 1, 1, 2]
    const score = (members: number[]) => (new Set(members.map(model => family[model])).size === 1 ? 0.9 : 0)
    const { findings } = await runStrategy(pairs({ type: 'pairs', tolerance: 0 }), 6, each => score(membersOf(each)))
    const { barriers = [], groups = [] } = findings.pairs ?? {}
    expect(groups).toEqual([[1, 3, 4], [0, 2], [5]])
    expect(spoilersAmong(groups)).toEqual([5])
    const notes = notesOnPairs({ barriers, groups }, ['a', 'b', 'c', 'd', 'e', 'f'], false).join('\n')
    expect(notes).toMatch(/^f: .* leave out .* soups of b, d, e$/m)
    expect(notes).toMatch(/2 groups without barriers inside: b, d, e; a, c; average fewer/)
    expect(notes).toMatch(/recalibrate/)
  })
})

describe('barriers', () => {
  test('are null where a score is missing or no number can hold the difference', () => {
    const ends = [1, Number.NEGATIVE_INFINITY, Number.MAX_VALUE]
    const middles = [1, -Number.MAX_VALUE, 1]
    expect(barriersOf(ends, middles).map(({ barrier }) => barrier)).toEqual([null, null, null])
  })

  test('of scores whose mean is rounded are none', () => {
    const [first, second] = [0.1, 0.7]
    expect((first + second) / 2).not.toBe(0.4)
    expect(barriersOf([first, second], [0.4])).toEqual([{ a: 0, b: 1, barrier: 0 }])
  })
})

describe('groups without barriers', () => {
  const cases = fc.integer({ min: 1, max: 7 }).chain(models =>
    fc.record({
      models: fc.constant(models),
      tolerance: fc.nat(2),
      values: fc.array(fc.option(fc.integer({ min: -3, max: 6 })), { minLength: 21, maxLength: 21 }),
    }),
  )

  test('part the models, have no barrier inside, and could not be joined', () => {
    fc.assert(
      fc.property(cases, ({ models, tolerance, values }) => {
        let next = 0
        const barriers = allPairs(models, () => values[next++] ?? null)
        const groups = groupsWithoutBarriers(models, barriers, tolerance)
        expect(groups.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: models }, (_, model) => model))
        const hasBarrier = (members: readonly number[]) =>
          barriers.some(
            ({ a, b, barrier }) =>
              members.includes(a) && members.includes(b) && (barrier === null || barrier > tolerance),
          )
        for (const [index, members] of groups.entries()) {
          expect(hasBarrier(members)).toBe(false)
          for (const other of groups.slice(index + 1)) expect(hasBarrier([...members, ...other])).toBe(true)
        }
        expect(groups.map(({ length }) => length)).toEqual(groups.map(({ length }) => length).toSorted((a, b) => b - a))
      }),
    )
  })
})

describe('notes', () => {
  test('say what to try where all pairs have a barrier, and where none has', () => {
    const apart = { barriers: allPairs(3, () => 0.25), groups: [[0], [1], [2]] }
    expect(notesOnPairs(apart, ['a', 'b', 'c'], true)).toEqual([expect.stringMatching(/of 0.25 at least.*closer/)])
    const alike = { barriers: allPairs(2, () => 0), groups: [[0, 1]] }
    expect(notesOnPairs(alike, ['a', 'b'], false)).toEqual([expect.stringContaining('greedy or exhaustive')])
  })
})
