import type { NamedModel } from '../../schemas/common.ts'
import type { SearchRequest, SearchResult } from '../../schemas/search.ts'
import { guessNotes } from '../evaluate/binding/guess-notes.ts'
import { filesOf } from '../merge/merge-inputs.ts'
import { requireFinite } from '../merge/non-finite-report.ts'
import { ownTurn } from '../own-turn.ts'
import { paretoFront } from '../search/pareto.ts'
import type { SearchEnd } from '../search/search-end.ts'
import { scoresOfTerms } from '../search/standings.ts'
import type { Catalog } from '../storage/database.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { unlessAborted } from '../unless-aborted.ts'
import { scoreHere } from './candidate-scoring.ts'
import { openOutsideRun } from './external/outside-run.ts'
import {
  noEvaluators,
  type OutsideStart,
  openStart,
  replayed,
  tallyOf,
  waitForScores,
} from './external/outside-start.ts'
import { outsideTests } from './external/outside-test.ts'
import type { SearchBooks } from './external/search-books.ts'
import { writeMistakes } from './job-mistakes.ts'
import type { JobContext, JobRunner } from './job-runner.ts'
import type { KeptScores } from './kept-scores.ts'
import type { Merger } from './merge-job.ts'
import type { Stores } from './resolve-evaluation.ts'
import { type ResolvedSearch, resolveSearch } from './resolve-search.ts'
import { scoreCandidates } from './score-candidates.ts'
import { type SearchClock, searchClock } from './search-clock.ts'
import { searchFindings } from './search-findings.ts'
import { tellMistakes } from './search-mistakes.ts'
import { modelOfSoup, recordOfSingle, storeSoup } from './search-model.ts'
import type { SearchPlans } from './search-plans.ts'
import { recommendationOf, resultOf } from './search-result.ts'
import { createSearchScorer, type SearchScorer } from './search-scorer.ts'
import { openSearchSession, readingSearch, type SoupScoring } from './search-session.ts'
import { type SpreadServices, spreadCandidates } from './search-spread.ts'
import { directionOf, isAllOutside, isOnDataset } from './search-term.ts'
import { scoreOnTest, scoresOf } from './search-test.ts'

export type Searcher = {
  stores: Stores
  merger: Merger & { threads: ThreadPool }
  kept: KeptScores
  scoring: SoupScoring
  /** The way to other workers, which score candidates too; null: this process scores all. */
  spread: Pick<SpreadServices, 'board' | 'log'> | null
  /** Returns the books of a search with scores from outside. */
  booksOf(jobId: string): SearchBooks
}

/**
 * Runs searches. It keeps every score as soon as it has it. All results follow from scores: a search that is started again reuses the
 * kept scores and has the same result.
 */
export function searchRunner(searcher: Searcher): JobRunner<'search'> {
  const { stores, merger, kept, scoring, spread } = searcher
  const runSearch = async (
    request: SearchRequest,
    search: ResolvedSearch,
    clock: SearchClock,
    context: JobContext<'search'>,
    start?: OutsideStart,
  ) => {
    const { signal, succeed } = context
    const { inputs, settings } = search
    const over = new AbortController()
    const ending = AbortSignal.any([signal, over.signal])
    const session = openSearchSession(search, scoring, ending)
    const { plans, soups, evaluationThreads: threads } = session
    // Begins as soon as there is a plan, so that a thread which merges is there when the winner is known.
    const nonFinite = plans.whole.then(({ path }) =>
      merger.threads.findNonFiniteModels({ inputs: filesOf(inputs), plan: path }, { signal: ending }),
    )
    nonFinite.catch(() => undefined)
    const outside = start && openOutsideRun({ ...start, search, kept, jobId: context.id, clock }, ending)
    const evaluating = isAllOutside(search.terms)
      ? noEvaluators
      : spread
        ? spreadCandidates(session, context.id, { ...spread, kept }, ending)
        : scoreHere(session)
    const scorer = createSearchScorer(session, evaluating, { kept, jobId: context.id, external: outside }, ending)
    const tally = tallyOf(request, search, clock, context)
    const work = async () => {
      // Models that must be finite are searched before any is scored.
      if (settings.onNonFinite === 'fail') requireFinite(await nonFinite, settings.onNonFinite)
      const progress = outside ? tally.progress : context.progress
      const end = await scoreCandidates(request, search, tally.counting(scorer), clock, progress, outside)
      outside?.endChoice()
      const { compare, tellMistakes: run } = scorer
      const external = outside && outsideTests({ run: outside, threads: merger.threads, signal: ending })
      const ways = external ? { external, track: outside.track } : {}
      const test = await scoreOnTest(end, search, { kept, soups, compare, threads, jobId: context.id, ...ways })
      const recommendation = recommendationOf(request, search, end, test)
      const pareto = await paretoOf(search, end)
      const telling = tellMistakes(end, search, { kept, soups, tellMistakes: run, threads, jobId: context.id })
      const { mistakes, note } = await (outside ? outside.track(telling) : telling)
      const keepMistakes = async (transaction: Catalog) => {
        if (mistakes) await writeMistakes(transaction, context.id, mistakes.listed)
      }
      const { warnings, rules } = await searchFindings(plans.whole, nonFinite)
      const result = (model: NamedModel, notes: readonly string[] = []): SearchResult => {
        const { notes: own, ...told } = resultOf(
          request,
          search,
          { end, test, recommendation, pareto },
          model,
          clock.seconds(),
        )
        return {
          ...told,
          ...(rules ? { groups: rules } : {}),
          ...(mistakes ? { mistakes: mistakes.counts } : {}),
          notes: [...own, ...(note === undefined ? [] : [note]), ...notesOnArrays(search), ...warnings, ...notes],
        }
      }
      const { soup } = request.guard ? end[recommendation.choice] : end.winner
      const single = modelOfSoup(soup, search)
      if (single) {
        await succeed(async transaction => {
          await keepMistakes(transaction)
          return result(await recordOfSingle(single, request, stores.models, transaction))
        })
        return
      }
      await scorer.flush()
      const scores = scoresOf(soup, search, test, threads)
      await storeSoup(soup, request, search, { merger, kept, scores, keepMistakes }, context, result)
    }
    const working = work()
    try {
      const lacking = await unlessAborted(signal, outside ? Promise.race([working, outside.lacking]) : working)
      if (start && lacking) {
        // Nobody should score soups of models that cannot be planned.
        if (start.isFirst) await unlessAborted(signal, plans.whole)
        await scorer.flush()
        await waitForScores(lacking, start.books, tally, context)
      }
    } finally {
      over.abort(new Error('the search is over'))
      await letGo(scorer, plans, nonFinite, working)
    }
  }
  return async (request, context) => {
    const search = await resolveSearch(request, stores)
    const { seconds } = request.budget
    if (search.terms.every(({ selection }) => isOnDataset(selection))) {
      const clock = searchClock(seconds, context.resumed?.seconds ?? 0)
      return readingSearch(search, stores, context.signal, () => runSearch(request, search, clock, context))
    }
    const start = await openStart(searcher.booksOf(context.id), seconds)
    const clock = searchClock(seconds, start.secondsBefore)
    // Most starts only find out what is to be scored next, for which they read no model.
    if (
      isAllOutside(search.terms) &&
      !start.isFirst &&
      (await replayed(request, search, { kept, start, clock }, context))
    )
      return
    await readingSearch(search, stores, context.signal, () => runSearch(request, search, clock, context, start))
  }
}

/** Returns the Pareto front of the candidates of a list of terms that are not ruled out. */
function paretoOf({ terms }: ResolvedSearch, { candidates, standings }: SearchEnd): Promise<number[]> {
  if (!standings) return Promise.resolve([])
  // A point without scores is left out.
  const points = candidates.map(candidate => (candidate.misses?.length ? [] : scoresOfTerms(candidate)))
  return paretoFront(
    points,
    terms.map(({ selection }) => directionOf(selection)),
    ownTurn,
  )
}

/** Notes on the arrays that were guessed. A test data set that was bound like the selection has no further notes. */
function notesOnArrays({ terms, isList }: ResolvedSearch): string[] {
  return terms.flatMap(({ selection, test }, index) => {
    if (selection.kind === 'external') return []
    const place = isList ? `${index}.` : ''
    const known = new Set(guessNotes(selection.dataset.guesses))
    const tested = test?.kind === 'dataset' ? test.dataset.guesses : []
    const others = tested.filter(guess => !guessNotes([guess]).every(note => known.has(note)))
    return [...guessNotes(selection.dataset.guesses, `selection.${place}`), ...guessNotes(others, `test.${place}`)]
  })
}

/** Waits until everything that a search has begun has let go of its files: nothing of the search is left when its job has ended. */
async function letGo(
  scorer: SearchScorer,
  plans: SearchPlans,
  nonFinite: Promise<unknown>,
  working: Promise<void>,
): Promise<void> {
  const [closed] = await Promise.allSettled([scorer.close(), nonFinite, working])
  await plans.close()
  if (closed.status === 'rejected') throw closed.reason
}
