import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { StrategyRequest } from '../../schemas/strategy.ts'
import type { HelpedSearch } from '../../src/jobs/helped-search.ts'
import { createSearchHelper } from '../../src/jobs/search-helper.ts'
import { createSearchScorer } from '../../src/jobs/search-scorer.ts'
import { spreadCandidates } from '../../src/jobs/search-spread.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import {
  badWorker,
  helps,
  helpTimes,
  jobId,
  log,
  type Searching,
  type Shared,
  scrambled,
  search,
  usualTimes,
  worker,
} from '../support/helped-searches.ts'
import { memoryBoard } from '../support/memory-board.ts'
import { scoresInMemory, soupSession } from '../support/spread-search.ts'

const ofTwoModels: StrategyRequest = { type: 'sweep', steps: 30 }
const others: StrategyRequest[] = [
  { type: 'greedy', accept: '>=' },
  { type: 'exhaustive', maxModels: 12, emptyScore: 0 },
  { type: 'topK' },
  { type: 'pairs', tolerance: 0 },
  { type: 'coordinate', groups: [], step: 0.5, minimumStep: 0.2 },
  { type: 'cmaEs', groups: [], seed: 1, generations: 4, sigma: 0.2 },
]

describe.each([ofTwoModels, ...others])('a search by $type', strategy => {
  const sizes = strategy.type === 'sweep' ? fc.constant(2) : fc.integer({ min: 3, max: 5 })
  const budgets = fc.option(fc.integer({ min: 1, max: 20 }), { nil: Number.POSITIVE_INFINITY })

  test('has the same outcome with one evaluator, with four, and with helping workers of every kind', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.nat(),
        budgets,
        fc.shuffledSubarray(Object.keys(helps), { minLength: 1, maxLength: 4 }),
        async (models, salt, maximumEvaluations, chosen) => {
          const scores = { scoreOf: (soup: CandidateSoup) => scrambled(soup, salt), seconds: () => 0.001 }
          const common = { strategy, models, scores, maximumEvaluations }
          const alone = await search({ ...common, width: 1 })
          expect(await search({ ...common, width: 4 })).toEqual(alone)
          const helpers = chosen.flatMap(name => helps[name] ?? [])
          expect(await search({ ...common, width: 1, helpers })).toEqual(alone)
        },
      ),
      { numRuns: 15 },
    )
  })
})

test('a search by several terms has the same outcome wherever its candidates are scored', async () => {
  const strategies = fc.constantFrom(...others)
  const helping = fc.shuffledSubarray(Object.keys(helps), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(
      strategies,
      fc.nat(),
      fc.integer({ min: 1, max: 3 }),
      helping,
      async (strategy, salt, terms, chosen) => {
        const scoreOf = (soup: CandidateSoup, place: number) => scrambled(soup, salt + place)
        const common = { strategy, models: 4, scores: { scoreOf, seconds: () => 0.001, terms } }
        const { standings, ...alone } = await search({ ...common, width: 1 })
        expect(standings?.terms).toHaveLength(terms)
        expect(await search({ ...common, width: 4 })).toMatchObject(alone)
        const helpers = chosen.flatMap(name => helps[name] ?? [])
        expect(await search({ ...common, width: 1, helpers })).toMatchObject(alone)
      },
    ),
    { numRuns: 15 },
  )
})

const exhaustive: StrategyRequest = { type: 'exhaustive', maxModels: 12, emptyScore: 0 }
const sixModels = { strategy: exhaustive, models: 6, width: 1 }
const byMembers = { scoreOf: ({ members }: CandidateSoup) => members.length, seconds: () => 0.004 }

test('other workers score most candidates of a search that one evaluator would take long for', async () => {
  const scored = vi.fn<(candidates: number) => void>()
  const helpers = [1, 2, 3].map(() => (shared: Shared) => worker(shared, { onScored: scored }))
  const scores = { ...byMembers, seconds: () => 0.02 }
  const { evaluations } = await search({ ...sixModels, scores, helpers })
  const elsewhere = scored.mock.calls.reduce((sum, [candidates]) => sum + candidates, 0)
  expect(evaluations).toBe(63)
  expect(elsewhere).toBeGreaterThan(30)
  expect(elsewhere).toBeLessThanOrEqual(63)
})

test('candidates of a worker that gives no sign of life come back, although they take no longer than expected', async () => {
  const patient = { ...usualTimes, grace: 1_000_000 }
  const vanishing = (shared: Shared) => badWorker(shared, async () => undefined)
  const run = search({ ...sixModels, scores: byMembers, helpers: [vanishing], times: patient })
  expect((await run).evaluations).toBe(63)
})

test('a worker that takes long to open a search gives signs of life meanwhile, and scores its range then', async () => {
  const patient = { ...usualTimes, grace: 1_000_000 }
  const scored = vi.fn<(candidates: number) => void>()
  const late = (shared: Shared) => worker(shared, { opening: 5 * usualTimes.lost, onScored: scored })
  await search({ ...sixModels, scores: byMembers, helpers: [late], times: patient })
  expect(scored.mock.calls[0]?.[0]).toBeGreaterThan(0)
})

test('idle evaluators score the candidates of a worker that takes longer than expected', async () => {
  const patient = { ...usualTimes, lost: 1_000_000 }
  const stuck = (shared: Shared) => worker(shared, { seconds: () => 1_000_000 })
  const run = search({ ...sixModels, scores: byMembers, helpers: [stuck], times: patient })
  expect((await run).evaluations).toBe(63)
})

test('other workers score candidates of every term', async () => {
  const scored = new Set<number>()
  const scores = { ...byMembers, seconds: () => 0.01, terms: 3 }
  const watching = (shared: Shared) => {
    const scoreOf = (soup: CandidateSoup, place: number) => {
      scored.add(place)
      return shared.scores.scoreOf(soup, place)
    }
    return worker(shared, { scoreOf })
  }
  const { evaluations } = await search({ ...sixModels, scores, helpers: [watching, watching] })
  expect(evaluations).toBe(63)
  expect([...scored].sort()).toEqual([0, 1, 2])
})

test('without other workers, a search scores the candidates that it has offered', async () => {
  const board = memoryBoard()
  const offer = vi.spyOn(board, 'offer')
  const { evaluations } = await search({ ...sixModels, scores: byMembers, helpers: [], board })
  expect(evaluations).toBe(63)
  expect(offer).toHaveBeenCalled()
})

test('a candidate that cannot be scored fails the search as it does in one process', async () => {
  const scores = {
    ...byMembers,
    scoreOf(soup: CandidateSoup) {
      if (soup.members.length === 6) throw new Error('poison')
      return soup.members.length
    },
  }
  const failure = (searching: Searching) => search(searching).then(() => 'none', String)
  const alone = await failure({ ...sixModels, scores })
  expect(alone).toContain('poison')
  expect(await failure({ ...sixModels, scores, helpers: [worker, worker] })).toBe(alone)
})

test('a search goes on by itself when the board fails', async () => {
  const board = memoryBoard()
  const forgetful = { ...board, states: async () => [] }
  expect((await search({ ...sixModels, scores: byMembers, helpers: [], board: forgetful })).evaluations).toBe(63)
  const offers = { ...memoryBoard(), offer: () => Promise.reject(new Error('no database')) }
  expect((await search({ ...sixModels, scores: byMembers, helpers: [], board: offers })).evaluations).toBe(63)
})

test('a search that is over before a worker could open it offers nothing', async () => {
  const offersWith = async (opening: number) => {
    const board = memoryBoard()
    const offer = vi.spyOn(board, 'offer')
    await search({ ...sixModels, scores: byMembers, helpers: [], board, times: { ...usualTimes, opening } })
    return offer.mock.calls.length
  }
  // 63 candidates take the evaluator about 25 seconds, as it tells.
  expect(await offersWith(30_000)).toBe(0)
  expect(await offersWith(2_000)).toBeGreaterThan(0)
})

test('ranges that an earlier process offered are removed, and scores that it kept are reused', async () => {
  const board = memoryBoard()
  const kept = scoresInMemory()
  await board.offer(jobId, [{ id: 'left', term: 0, fingerprint: '', soups: [] }])
  const scores = { ...byMembers, scoreOf: vi.fn(byMembers.scoreOf) }
  await search({ ...sixModels, scores, helpers: [worker], board, kept })
  const before = scores.scoreOf.mock.calls.length
  expect((await search({ ...sixModels, scores, helpers: [worker], board, kept })).evaluations).toBe(63)
  expect(scores.scoreOf).toHaveBeenCalledTimes(before)
})

test('a search that is over ends the work of its helpers, although their candidates are not scored yet', async () => {
  const board = memoryBoard()
  const kept = scoresInMemory()
  const over = new AbortController()
  const session = soupSession(1, { ...byMembers, seconds: () => 0.02 }, over.signal)
  const scoring = spreadCandidates(session, jobId, { board, kept, log, times: usualTimes }, over.signal)
  const scorer = createSearchScorer(session, scoring, { kept, jobId }, over.signal)
  const closed = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const helper = createSearchHelper({
    board,
    async open(_, signal) {
      const score: HelpedSearch['score'] = async (_, stop) => {
        begun.resolve()
        await once(stop, 'abort')
        return 0
      }
      return { score, ended: once(signal, 'abort').then(() => closed.resolve()) }
    },
    evaluators: 1,
    isFree: () => true,
    onScored: () => undefined,
    log,
    times: { ...helpTimes, linger: 1_000_000 },
  })
  helper.start()
  const scores = Array.from({ length: 20 }, (_, index) => scorer.score({ members: [index], weights: [1], rules: [] }))
  const settled = Promise.allSettled(scores)
  await begun.promise
  await vi.waitFor(() => expect(scoring.helping).toBe(1))
  board.endJob(jobId)
  over.abort(new Error('cancelled'))
  await scorer.close()
  expect((await settled).some(({ status }) => status === 'rejected')).toBe(true)
  await closed.promise
  await helper.close()
})
