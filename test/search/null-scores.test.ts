import { describe, expect, test } from 'vitest'
import type { StrategyRequest } from '../../schemas/strategy.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import { runSearch } from '../../src/search/run-search.ts'
import { endOf } from '../../src/search/search-end.ts'
import { notesOf } from '../../src/search/search-notes.ts'
import { createStrategy } from '../../src/search/strategies/strategy-registry.ts'

const strategies: StrategyRequest[] = [
  { type: 'greedy', accept: '>=' },
  { type: 'greedy', accept: '>' },
  { type: 'exhaustive', maxModels: 12, emptyScore: 0 },
  { type: 'topK' },
  { type: 'sweep', steps: 5 },
  { type: 'coordinate', groups: [], step: 0.5, minimumStep: 0.05 },
  { type: 'cmaEs', groups: [], seed: 1, generations: 3, sigma: 0.2 },
]
const names = ['a', 'b', 'c']

/** Runs a search, and returns its end and its notes. */
async function search(
  strategy: StrategyRequest,
  scoreOf: (soup: CandidateSoup) => number | null,
  direction: 'max' | 'min' = 'max',
  noteOf: (soup: CandidateSoup) => string | undefined = () => undefined,
) {
  const models = strategy.type === 'sweep' ? 2 : 3
  const outcome = await runSearch({
    strategy: createStrategy(strategy),
    models,
    groups: [],
    direction,
    maximumEvaluations: Number.POSITIVE_INFINITY,
    deadline: new AbortController().signal,
    score: async soup => ({ value: scoreOf(soup), seconds: 0, cached: false, note: noteOf(soup) }),
    turn: async () => undefined,
    hasSpare: () => true,
    onScored: () => undefined,
  })
  const end = endOf(outcome, direction)
  const request = { strategy, budget: {} }
  const recommendation = { choice: 'winner' as const, reason: '', isNoted: false }
  const noted = { request, names: names.slice(0, models), end, test: null, sameData: false, recommendation }
  return { end, notes: notesOf(noted).join('\n') }
}

describe.each(strategies)('in a search by $type', strategy => {
  test.each(['max', 'min'] as const)(
    'a model that makes every score null does not win, and is named: %s',
    async direction => {
      const value = ({ members, weights }: CandidateSoup) => (members.includes(0) ? null : (weights[0] ?? 0))
      const { end, notes } = await search(strategy, value, direction)
      expect(end.winner.soup.members).not.toContain(0)
      expect(end.winner.value).not.toBeNull()
      expect(end.bestSingle.soup.members).toEqual([1])
      expect(notes).toMatch(/of the candidates have no score, because [^:]*: a(;|$)/m)
    },
  )

  test('null scores of all single models do not end it', async () => {
    const { end } = await search(strategy, ({ members }) => (members.length === 1 ? null : 1))
    expect(end.winner.soup.members.length).toBeGreaterThan(1)
    expect(end.winner.value).toBe(1)
    expect(end.bestSingle).toMatchObject({ soup: { members: [0] }, value: null })
  })

  test('null scores of all candidates end it', async () => {
    await expect(search(strategy, () => null)).rejects.toMatchObject({ code: 'TUREEN_METRIC_MISMATCH' })
  })
})

test('the mean of all models is named if it alone has no score, and the strategy did not propose it', async () => {
  const everyModel = (members: readonly number[]) => members.length === names.length
  const { end, notes } = await search({ type: 'greedy', accept: '>' }, ({ members }) =>
    everyModel(members) ? null : 1 / members.length,
  )
  expect(end.candidates.filter(({ soup }) => everyModel(soup.members))).toEqual([])
  expect(notes).toMatch(/^the mean of all models has no score, because/m)
  expect(notes).not.toMatch(/of the candidates have no score/)
})

test('the refusal of a search without any score says what the scoring noted', async () => {
  const noteOf = () => '1 number in the target is NaN (of 75)'
  const searching = search({ type: 'topK' }, () => null, 'min', noteOf)
  await expect(searching).rejects.toThrow(/no finite value .* \(1 number in the target is NaN \(of 75\)\)/)
})

test('the mean of all models wins if it alone has a score, and a note says so', async () => {
  // cmaEs proposes no equal weights.
  const cmaEs: StrategyRequest = { type: 'cmaEs', groups: [], seed: 1, generations: 2, sigma: 0.2 }
  const { end, notes } = await search(cmaEs, ({ weights }) =>
    weights.length === 3 && weights.every(each => each === 1) ? 1 : null,
  )
  expect(end.winner.soup.members).toEqual([0, 1, 2])
  expect(notes).toContain('the winner is the mean of all models')
})

test('a note names five candidates at most, with their weights', async () => {
  const { notes } = await search({ type: 'sweep', steps: 21 }, ({ members }) => (members.length === 2 ? null : 1))
  expect(notes).toContain(': 0.95 a + 0.05 b; 0.9 a + 0.1 b; ')
  expect(notes).toContain('; 14 more')
  expect(notes).toContain('there is no loss barrier')
})

test('assumptions of the scoring are told once, or for both models where they differ', async () => {
  const told = async (ofSingle: string) => {
    const noteOf = ({ members }: CandidateSoup) => (members.length > 1 ? 'read as logits' : ofSingle)
    const { notes } = await search({ type: 'topK' }, ({ members }) => members.length, 'max', noteOf)
    return notes.split('\n').filter(note => note.startsWith('scoring'))
  }
  expect(await told('read as logits')).toEqual(['scoring on selection: read as logits'])
  expect(await told('read as probabilities')).toEqual([
    'scoring on selection: read as logits',
    'scoring of the best single model on selection: read as probabilities',
  ])
})
