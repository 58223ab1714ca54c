import type { JobProgress } from '../../../schemas/job.ts'
import type { SearchRequest } from '../../../schemas/search.ts'
import type { CandidateSoup } from '../../merge/candidate-plan.ts'
import { bestOf } from '../../search/ranking.ts'
import type { ScoredSoup } from '../../search/scored-candidate.ts'
import type { CandidateScoring } from '../candidate-scoring.ts'
import type { JobContext } from '../job-runner.ts'
import type { KeptScores } from '../kept-scores.ts'
import type { ResolvedSearch } from '../resolve-search.ts'
import { expectedCandidates, scoreCandidates } from '../score-candidates.ts'
import type { SearchClock } from '../search-clock.ts'
import { createSearchScorer, type SearchScorer } from '../search-scorer.ts'
import { type RunnableSoups, soupName } from '../search-soups.ts'
import { directionOfScores } from '../search-term.ts'
import { scoreOnTest } from '../search-test.ts'
import { type Lacking, openOutsideRun } from './outside-run.ts'
import { outsideTests } from './outside-test.ts'
import type { SearchBooks, SettledCandidate } from './search-books.ts'

// A search with scores from outside starts again each time that it has the scores which it lacked. Its strategy follows from the scores, so each
// start repeats the choice of the one before, and goes on.

/** One start of such a search. `isFirst`: it has not asked for candidates so far; `secondsBefore`: seconds since the first start. */
export type OutsideStart = {
  books: SearchBooks
  settled: ReadonlyMap<string, SettledCandidate>
  isFirst: boolean
  secondsBefore: number
}

/** @param seconds budget of the search */
export async function openStart(books: SearchBooks, seconds: number | undefined): Promise<OutsideStart> {
  const secondsBefore = await books.begin(seconds)
  return { books, secondsBefore, isFirst: !(await books.hasAsked()), settled: await books.settled() }
}

/** The scoring of a search whose terms are all scored outside of the server. */
export const noEvaluators: CandidateScoring = {
  helping: 0,
  score: ({ failed }) => failed(new RangeError('this search has no evaluators')),
  compare: () => Promise.reject(new RangeError('this search has no evaluators')),
  tellMistakes: () => Promise.reject(new RangeError('this search has no evaluators')),
  end: async () => undefined,
}

/** Counts the candidates of a start that have all of their scores, also those whose turn has not come. */
export type Tally = {
  counting(scorer: SearchScorer): SearchScorer
  /** Tells progress, unless an earlier start has told more. */
  progress(progress: JobProgress): void
  /** Tells progress before the search waits. @param awaited number of scores that it waits for */
  tell(awaited: number): void
}

export function tallyOf(
  request: SearchRequest,
  search: ResolvedSearch,
  clock: SearchClock,
  context: JobContext<'search'>,
): Tally {
  const direction = directionOfScores(search)
  const scored: (ScoredSoup & { soup: CandidateSoup })[] = []
  let told: JobProgress | null = context.resumed
  const progress = (next: JobProgress) => {
    if (next.done < (told?.done ?? 0)) return
    told = next
    context.progress(next)
  }
  return {
    progress,
    counting: scorer => ({
      ...scorer,
      async score(soup, isAnticipated) {
        const found = await scorer.score(soup, isAnticipated)
        scored.push({ ...found, soup })
        return found
      },
    }),
    tell(awaited) {
      const done = scored.length
      const total = Math.max(done, expectedCandidates(request, search))
      // The objective of a list is known only to the strategy, which judges candidates in their order.
      const best = search.isList ? (told?.best ?? null) : (bestOf(scored, direction)?.value ?? null)
      const message = awaited === 1 ? '1 score from outside is awaited' : `${awaited} scores from outside are awaited`
      told = { done, total, message, best, seconds: clock.seconds(), secondsLeft: null }
      context.progress(told)
    },
  }
}

/** Ends a start: the job waits for the scores that it lacks. */
export async function waitForScores(
  { wanted, phase }: Lacking,
  books: SearchBooks,
  tally: Tally,
  context: JobContext<'search'>,
): Promise<void> {
  tally.tell(wanted.length)
  await context.waitFor(transaction => books.want(transaction, wanted, phase))
}

/**
 * Repeats a search whose terms are all scored outside of the server, without its models.
 * @returns true if the job waits for further scores now; false if all are there, so that the search can end
 */
export async function replayed(
  request: SearchRequest,
  search: ResolvedSearch,
  { kept, start, clock }: { kept: KeptScores; start: OutsideStart; clock: SearchClock },
  context: JobContext<'search'>,
): Promise<boolean> {
  const over = new AbortController()
  const signal = AbortSignal.any([context.signal, over.signal])
  const run = openOutsideRun({ ...start, search, kept, jobId: context.id, clock }, signal)
  const none = () => new RangeError('this search has no evaluators')
  const soups: RunnableSoups = {
    source() {
      throw none()
    },
    runnable: () => Promise.reject(none()),
  }
  const session = {
    terms: search.terms.map(() => null),
    isList: search.isList,
    width: 0,
    soups,
    nameOf: (soup: CandidateSoup) => soupName(soup, search),
  }
  const scorer = createSearchScorer(session, noEvaluators, { kept, jobId: context.id, external: run }, signal)
  const tally = tallyOf(request, search, clock, context)
  const work = async () => {
    const end = await scoreCandidates(request, search, tally.counting(scorer), clock, tally.progress, run)
    run.endChoice()
    // The interval is computed when the search ends.
    const threads = { bootstrap: async () => ({ interval: null, replicates: 0, leftOut: 0, gains: null }) }
    const external = outsideTests({ run, threads, signal })
    await scoreOnTest(end, search, {
      kept,
      soups,
      compare: scorer.compare,
      threads: 1,
      jobId: context.id,
      external,
    })
  }
  const working = work()
  try {
    const lacking = await Promise.race([working, run.lacking])
    if (!lacking) return false
    await waitForScores(lacking, start.books, tally, context)
    return true
  } finally {
    over.abort(new Error('this start of the search is over'))
    await Promise.allSettled([working, scorer.close()])
  }
}
