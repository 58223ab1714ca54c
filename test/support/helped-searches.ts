import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { expect } from 'vitest'
import type { StrategyRequest } from '../../schemas/strategy.ts'
import { type CandidateScoring, scoreHere } from '../../src/jobs/candidate-scoring.ts'
import { type HelpedSearch, RangeRefused, rangeScorer } from '../../src/jobs/helped-search.ts'
import type { KeptScores } from '../../src/jobs/kept-scores.ts'
import type { RangeBoard } from '../../src/jobs/range-board.ts'
import { createSearchHelper } from '../../src/jobs/search-helper.ts'
import { createSearchScorer } from '../../src/jobs/search-scorer.ts'
import { spreadCandidates } from '../../src/jobs/search-spread.ts'
import type { SpreadTimes } from '../../src/jobs/spread-offers.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import type { ObjectiveTerm } from '../../src/search/objective.ts'
import { runSearch } from '../../src/search/run-search.ts'
import type { SearchOutcome } from '../../src/search/search.ts'
import { createStrategy } from '../../src/search/strategies/strategy-registry.ts'
import { memoryBoard } from './memory-board.ts'
import { type SoupScores, scoresInMemory, soupSession } from './spread-search.ts'

export const log = pino({ level: 'silent' })
export const jobId = 'job'
export const usualTimes = { look: 5, lost: 60, grace: 20, opening: 0 }
export const helpTimes = { beat: 5, linger: 20, refusal: 1000 }
const never = new AbortController().signal

/** A score that depends on all of a soup and follows no shape, with ties. */
export function scrambled(soup: CandidateSoup, salt: number): number {
  let hash = salt
  for (const char of JSON.stringify(soup)) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0
  return hash % 7
}

type Help = { stop(): Promise<void> }
export type Shared = { board: RangeBoard; kept: KeptScores; scores: SoupScores }

/** A worker as it should be. `change` makes it slow, or lets it fail. */
export function worker(
  { board, kept, scores }: Shared,
  change: Partial<SoupScores> & {
    width?: number
    onScored?(candidates: number): void
    refuses?: boolean
    opening?: number
  } = {},
): Help {
  const open = async (_: string, signal: AbortSignal): Promise<HelpedSearch> => {
    const { width = 2, opening = 0 } = change
    await delay(opening)
    signal.throwIfAborted()
    const { score, end } = rangeScorer(soupSession(width, { ...scores, ...change }, signal), jobId, kept)
    return {
      score: change.refuses ? async () => Promise.reject(new RangeRefused('refused')) : score,
      ended: once(signal, 'abort').then(end),
    }
  }
  const helper = createSearchHelper({
    board,
    open,
    evaluators: change.width ?? 2,
    isFree: () => true,
    onScored: change.onScored ?? (() => undefined),
    log,
    times: helpTimes,
  })
  helper.start()
  return { stop: helper.close }
}

/** A worker that takes ranges and does `misbehave` with each. It gives no sign of life. */
export function badWorker(
  { board }: Shared,
  misbehave: (helper: { id: string; evaluators: number }, id: string) => Promise<void>,
): Help {
  const over = new AbortController()
  const helper = { id: 'bad', evaluators: 1 }
  const work = async () => {
    while (!over.signal.aborted) {
      const range = await board.take(helper, { except: [] })
      if (range) await misbehave(helper, range.id)
      await delay(2)
    }
  }
  const working = work()
  return {
    async stop() {
      over.abort()
      await working
    },
  }
}

export const helps: Record<string, (shared: Shared) => Help> = {
  sound: worker,
  slow: shared => worker(shared, { seconds: () => 0.05 }),
  'failing at some candidates': shared =>
    worker(shared, {
      scoreOf(soup, place) {
        if (scrambled(soup, 1) < 3) throw new Error('out of memory')
        return shared.scores.scoreOf(soup, place)
      },
    }),
  refusing: shared => worker(shared, { refuses: true }),
  vanishing: shared => badWorker(shared, async () => undefined),
  'settling without scores': shared => badWorker(shared, (helper, id) => shared.board.settle(helper, id)),
  'answering twice': shared => {
    const twice = { ...shared.board }
    twice.settle = async (helper, id) => {
      await shared.board.settle(helper, id)
      await shared.board.settle(helper, id)
    }
    const kept = { ...shared.kept }
    kept.keep = async (computed, id) => {
      await shared.kept.keep(computed, id)
      return shared.kept.keep(computed, id)
    }
    return worker({ ...shared, board: twice, kept })
  },
}

export type Searching = {
  strategy: StrategyRequest
  models: number
  scores: SoupScores
  width: number
  helpers?: readonly ((shared: Shared) => Help)[]
  maximumEvaluations?: number
  board?: RangeBoard
  kept?: KeptScores
  times?: SpreadTimes
}

/** Runs a search, and returns all of its outcome but the seconds. */
export async function search({
  strategy,
  models,
  scores,
  width,
  helpers,
  maximumEvaluations = Number.POSITIVE_INFINITY,
  board = memoryBoard(),
  kept = scoresInMemory(),
  times = usualTimes,
}: Searching): Promise<SearchOutcome> {
  const over = new AbortController()
  const session = soupSession(width, scores, over.signal)
  const scoring: CandidateScoring = helpers
    ? spreadCandidates(session, jobId, { board, kept, log, times }, over.signal)
    : scoreHere(session)
  const scorer = createSearchScorer(session, scoring, { kept, jobId }, over.signal)
  const helping = (helpers ?? []).map(help => help({ board, kept, scores }))
  try {
    return await runSearch({
      strategy: createStrategy(strategy),
      models,
      groups: [],
      direction: 'max',
      ...(scores.terms === undefined ? {} : { terms: Array.from({ length: scores.terms }, () => term) }),
      maximumEvaluations,
      deadline: never,
      score: scorer.score,
      turn: async () => undefined,
      hasSpare: scorer.hasSpare,
      onScored: () => undefined,
    })
  } finally {
    over.abort(new Error('over'))
    await scorer.close()
    expect(await board.states(jobId)).toEqual([])
    await Promise.all(helping.map(({ stop }) => stop()))
  }
}

export const term: ObjectiveTerm = { direction: 'max', weight: 1, atLeast: null }
