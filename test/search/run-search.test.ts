import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { runSearch } from '../../src/search/run-search.ts'
import type { Search } from '../../src/search/search.ts'
import { exhaustive } from '../../src/search/strategies/exhaustive.ts'
import { greedy } from '../../src/search/strategies/greedy.ts'

const never = new AbortController().signal

/** A search over four models whose soups score by their members, each after a time of its own. */
function search(change: Partial<Search> = {}): Search {
  return {
    strategy: exhaustive({ type: 'exhaustive', maxModels: 12, emptyScore: 0 }),
    models: 4,
    groups: [],
    direction: 'max',
    maximumEvaluations: Number.POSITIVE_INFINITY,
    deadline: never,
    async score({ members }) {
      const value = members.reduce((sum, model) => sum + model, 0) / members.length
      await delay((value * 7) % 3)
      return { value, seconds: 0, cached: false }
    },
    hasSpare: () => true,
    turn: setImmediate,
    onScored: () => undefined,
    ...change,
  }
}

const members = ({ soup }: { soup: { members: readonly number[] } }) => String(soup.members)

describe('runSearch', () => {
  test('counts soups in the order in which they are asked for, whichever is scored first', async () => {
    const seen: string[] = []
    const { candidates, evaluations } = await runSearch(
      search({ onScored: candidate => void seen.push(members(candidate)) }),
    )
    expect(evaluations).toBe(15)
    expect(seen.slice(0, 5)).toEqual(['0', '1', '2', '3', '0,1,2,3'])
    expect(candidates.map(members).slice(0, 7)).toEqual(['0', '1', '2', '3', '0,1', '0,2', '1,2'])
    expect(new Set(candidates.map(members)).size).toBe(15)
  })

  test('scores no soup twice, anticipated ones included', async () => {
    const scored: string[] = []
    const { score } = search()
    await runSearch(
      search({
        strategy: greedy({ type: 'greedy', accept: '>=' }),
        score(soup) {
          scored.push(String(soup.members))
          return score(soup)
        },
      }),
    )
    expect(new Set(scored).size).toBe(scored.length)
  })

  test('anticipating changes nothing about the outcome', async () => {
    const strategy = greedy({ type: 'greedy', accept: '>=' })
    const [eager, plain] = await Promise.all([
      runSearch(search({ strategy })),
      runSearch(search({ strategy, hasSpare: () => false })),
    ])
    expect(eager).toEqual(plain)
  })

  test('starts and counts few of thousands of soups before others have a turn, even if all scores are there', async () => {
    let [started, counted] = [0, 0]
    const most = { started: 0, counted: 0 }
    const { evaluations } = await runSearch(
      search({
        models: 12,
        async score({ members }) {
          most.started = Math.max(most.started, ++started)
          return { value: members.length, seconds: 0, cached: true }
        },
        onScored: () => {
          most.counted = Math.max(most.counted, ++counted)
        },
        async turn() {
          started = 0
          counted = 0
        },
      }),
    )
    expect(evaluations).toBe(2 ** 12 - 1)
    expect(most.started).toBeLessThanOrEqual(32)
    expect(most.counted).toBeLessThanOrEqual(32)
  })

  test.each([1, 3, 5, 9, 15])('a budget of %d evaluations is kept to the number', async maximumEvaluations => {
    let scored = 0
    const { score } = search()
    const outcome = await runSearch(
      search({
        maximumEvaluations,
        score(soup) {
          scored += 1
          return score(soup)
        },
      }),
    )
    expect(scored).toBe(maximumEvaluations)
    expect(outcome.evaluations).toBe(maximumEvaluations)
    expect(outcome.stopped).toBe(maximumEvaluations < 15 ? 'evaluations' : null)
    expect(outcome.uniform === null).toBe(maximumEvaluations < 5)
  })

  test('a deadline that is over lets one soup be scored', async () => {
    const outcome = await runSearch(search({ deadline: AbortSignal.abort() }))
    expect(outcome).toMatchObject({ stopped: 'seconds', evaluations: 1, uniform: null })
    expect(outcome.candidates.map(members)).toEqual(['0'])
  })

  test('what goes wrong with a soup ends the search', async () => {
    const failing = search({
      score: async ({ members }) => {
        if (members.length === 2) throw new Error('poison')
        return { value: 1, seconds: 0, cached: false }
      },
    })
    await expect(runSearch(failing)).rejects.toThrow('poison')
  })
})
