import type { NamedModel } from '../../schemas/common.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { guessNotes } from '../evaluate/binding/guess-notes.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import { filesOf } from '../merge/merge-inputs.ts'
import { requireFinite } from '../merge/non-finite-report.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { JobRunner } from './job-runner.ts'
import type { KeptScores } from './kept-scores.ts'
import type { Merger } from './merge-job.ts'
import { requireSoundCalibration } from './recalibration.ts'
import { metricModels, type Stores } from './resolve-evaluation.ts'
import { type ResolvedSearch, resolveSearch } from './resolve-search.ts'
import { scoreCandidates } from './score-candidates.ts'
import { searchClock } from './search-clock.ts'
import { searchFindings } from './search-findings.ts'
import { modelOfSoup, recordOfSingle, storeSoup } from './search-model.ts'
import { type SearchPlans, searchPlans } from './search-plans.ts'
import { recommendationOf, resultOf } from './search-result.ts'
import { createSearchScorer, type SearchScorer } from './search-scorer.ts'
import { runnableSoups, soupName, soupOrigin } from './search-soups.ts'
import { scoreOnTest, scoresOf } from './search-test.ts'

export type Searcher = {
  stores: Stores
  merger: Merger & { threads: ThreadPool }
  evaluators: EvaluatorPool
  kept: KeptScores
  /** Threads of onnxruntime in one evaluation. */
  threads: number
  /** Most bytes of samples that the evaluators of one search keep ready, all together. */
  memoryBytes: number
}

/**
 * Runs searches. It keeps every score as soon as it has it. All results follow from scores: a search that is started again reuses the
 * kept scores and has the same result.
 */
export function searchRunner(searcher: Searcher): JobRunner<'search'> {
  const { stores, merger, evaluators, kept, threads, memoryBytes } = searcher
  return async (request, context) => {
    const { signal, succeed } = context
    const clock = searchClock(request.budget.seconds, context.resumed?.seconds ?? 0)
    const search = await resolveSearch(request, stores)
    const { inputs, settings, selection } = search
    await requireSound(search, stores, signal)
    const over = new AbortController()
    const ending = AbortSignal.any([signal, over.signal])
    const plans = searchPlans(search, merger.threads, merger.contentFiles, ending)
    // Begins as soon as there is a plan, so that a thread which merges is there when the winner is known.
    const nonFinite = plans.whole.then(({ path }) =>
      merger.threads.findNonFiniteModels({ inputs: filesOf(inputs), plan: path }, { signal: ending }),
    )
    nonFinite.catch(() => undefined)
    const soups = runnableSoups(search, plans)
    const scorer = createSearchScorer(
      {
        identify: soup => soupOrigin(soup, search),
        nameOf: soup => soupName(soup, search),
        ...selection,
        threads,
        jobId: context.id,
        memoryBytes,
        signal: ending,
      },
      { kept, evaluators, soups },
    )
    const work = async () => {
      // Models that must be finite are searched before any is scored.
      if (settings.onNonFinite === 'fail') requireFinite(await nonFinite, settings.onNonFinite)
      const end = await scoreCandidates(request, search, scorer, clock, context.progress)
      const { compare } = scorer
      const test = await scoreOnTest(end, search, { kept, soups, compare, threads, jobId: context.id })
      const recommendation = recommendationOf(request, search, end, test)
      const { warnings, rules } = await searchFindings(plans.whole, nonFinite)
      const result = (model: NamedModel, notes: readonly string[] = []): SearchResult => {
        const { notes: own, ...told } = resultOf(request, search, { end, test, recommendation }, model, clock.seconds())
        return {
          ...told,
          ...(rules ? { groups: rules } : {}),
          notes: [...own, ...notesOnArrays(search), ...warnings, ...notes],
        }
      }
      const { soup } = request.guard ? end[recommendation.choice] : end.winner
      const single = modelOfSoup(soup, search)
      if (single) {
        await succeed(async transaction => result(await recordOfSingle(single, request, stores.models, transaction)))
        return
      }
      await scorer.flush()
      const scores = scoresOf(soup, search, test, threads)
      await storeSoup(soup, request, search, { merger, kept, scores }, context, result)
    }
    const working = work()
    try {
      await unlessAborted(signal, working)
    } finally {
      over.abort(new Error('the search is over'))
      await letGo(scorer, plans, nonFinite, working)
    }
  }
}

/** Notes on the arrays that were guessed. A test data set that was bound like the selection has no further notes. */
function notesOnArrays({ selection, test }: ResolvedSearch): string[] {
  const known = new Set(guessNotes(selection.dataset.guesses))
  const others = (test?.dataset.guesses ?? []).filter(guess => !guessNotes([guess]).every(note => known.has(note)))
  return [...guessNotes(selection.dataset.guesses, 'selection.'), ...guessNotes(others, 'test.')]
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

async function requireSound(search: ResolvedSearch, stores: Stores, signal: AbortSignal): Promise<void> {
  const { models, datasets } = stores
  if (search.recalibration) await requireSoundCalibration(search.recalibration, stores, signal)
  const scorings = [search.selection, ...(search.test ? [search.test] : [])]
  await models.requireSound([...filesOf(search.inputs), ...metricModels(scorings.map(({ metric }) => metric))], signal)
  for (const { dataset } of scorings) await datasets.requireSound(dataset, signal)
}

/** Waits for work. @throws the signal's reason as soon as it fires */
async function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  work.catch(() => undefined)
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
