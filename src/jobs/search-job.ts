import type { JobRecord } from '../../schemas/job.ts'
import type { RecalibrationReport } from '../../schemas/recalibration.ts'
import { maximumSearchModels, type SearchBody, type SearchRequest, type SearchResult } from '../../schemas/search.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import { filesOf } from '../merge/merge-inputs.ts'
import { nonFiniteNotes } from '../merge/non-finite-report.ts'
import { modelDigest } from '../models/model-digest.ts'
import { modelErrors } from '../models/model-errors.ts'
import { isSingle } from '../search/candidate-soup.ts'
import { bestOf } from '../search/ranking.ts'
import { runSearch, type ScoredCandidate } from '../search/run-search.ts'
import { endOf } from '../search/search-end.ts'
import { createStrategy } from '../search/strategies/strategy-registry.ts'
import type { KeepWith } from '../storage/database.ts'
import { expiryAfter } from '../storage/expiry.ts'
import type { CandidateWriter } from '../threads/candidate-thread.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { jobErrors } from './job-errors.ts'
import type { JobContext, JobRunner, JobService } from './job-service.ts'
import type { KeptScores } from './kept-scores.ts'
import { type Merger, mergeIntoStore } from './merge-job.ts'
import { requireSoundCalibration } from './recalibration.ts'
import { metricModels, type Stores } from './resolve-evaluation.ts'
import { scoringErrors } from './resolve-scoring.ts'
import { type ResolvedSearch, resolveSearch } from './resolve-search.ts'
import { resultOf } from './search-result.ts'
import { createSearchScorer, type SearchScorer } from './search-scorer.ts'
import { soupFiles, soupMerge, soupOrigin } from './search-soups.ts'
import { scoreOnTest, scoresOf } from './search-test.ts'
import { selectionErrors, selectModels } from './select-models.ts'

export type SearchService = {
  /** Refuses what cannot be searched before there is a job. */
  start(body: SearchBody, keep?: KeepWith<JobRecord>): Promise<JobRecord>
}

/** Error codes of {@link SearchService}. */
export const searchErrors = {
  start: [
    ...selectionErrors,
    ...modelErrors.getComplete,
    ...scoringErrors,
    'TUREEN_SEARCH_TOO_LARGE',
    ...threadErrors.checkSearch,
    ...modelErrors.blamingDamage,
    ...jobErrors.create,
  ],
} as const satisfies Record<keyof SearchService, readonly ErrorCode[]>

/** @param maximumModels models in one search, where that is fewer than {@link maximumSearchModels} */
export function createSearchService(
  stores: Stores,
  threads: ThreadPool,
  jobs: JobService,
  maximumModels: number,
): SearchService {
  return {
    async start({ models, ...rest }, keep) {
      const maximum = Math.min(maximumModels, maximumSearchModels)
      const selected = Array.isArray(models)
        ? models
        : (await selectModels(models, { minimum: 1, maximum }, stores.models)).map(id => ({ id }))
      const request: SearchRequest = { ...rest, models: selected }
      const { inputs, settings, inputIds } = await resolveSearch(request, stores)
      const check = () => threads.checkSearch({ inputs, settings })
      await stores.models.blamingDamage(filesOf(inputs), check).catch((error: unknown) => {
        throw asGroupError(error)
      })
      return jobs.create({ type: 'search', request, labels: request.labels, inputIds }, keep)
    },
  }
}

export type Searcher = {
  stores: Stores
  merger: Merger & { threads: ThreadPool }
  evaluators: EvaluatorPool
  kept: KeptScores
  /** Threads of onnxruntime in one evaluation. */
  threads: number
  /** Bytes of models that one search holds in memory. */
  memoryBytes: number
}

/**
 * Runs searches. Every score is kept as soon as it is there, and all else follows from scores: a search that is started again
 * finds those it had and comes to the same end.
 */
export function searchRunner(searcher: Searcher): JobRunner<'search'> {
  const { stores, merger, evaluators, kept, threads, memoryBytes } = searcher
  return async (request, context) => {
    const { signal, succeed } = context
    const clock = searchClock(request, context)
    const search = await resolveSearch(request, stores)
    const { models, inputs, settings, selection } = search
    await requireSound(search, stores, signal)
    const over = new AbortController()
    const ending = AbortSignal.any([signal, over.signal])
    // The models by themselves can be scored while their soups' thread starts.
    const writer = merger.threads.openCandidates({ inputs, settings, memoryBytes }, ending)
    writer.catch(() => undefined)
    const soups = soupFiles(search, merger.contentFiles, writer)
    const scorer = createSearchScorer(
      { identify: soup => soupOrigin(soup, search), ...selection, threads, jobId: context.id, signal: ending },
      { kept, evaluators, files: soups },
    )
    const work = async () => {
      // Models that must be finite are searched before any is scored.
      if (settings.onNonFinite === 'fail') await writer
      const strategy = createStrategy(request.strategy)
      const { direction } = selection.metric
      const total = Math.min(
        request.budget.evaluations ?? Number.POSITIVE_INFINITY,
        strategy.candidates(models.length, search.groups.length, search.dimensions.length),
      )
      let best: ScoredCandidate | undefined
      const outcome = await runSearch({
        strategy,
        models: models.length,
        groups: search.groups,
        dimensions: search.dimensions,
        method: search.method,
        direction,
        maximumEvaluations: request.budget.evaluations ?? Number.POSITIVE_INFINITY,
        deadline: clock.deadline,
        score: scorer.score,
        hasSpare: scorer.hasSpare,
        onScored(candidate, done) {
          best = bestOf(best ? [best, candidate] : [candidate], direction)
          const message = `candidate ${done} of ${Math.max(done, total)}`
          context.progress({
            done,
            total: Math.max(done, total),
            message,
            best: best?.value ?? null,
            ...clock.times(done, total),
          })
        },
      })
      // A strategy may need fewer candidates than were counted on, and a budget may end it.
      const scored = outcome.candidates.length
      const message = `${scored} candidates scored`
      context.progress({
        done: scored,
        total: scored,
        message,
        best: best?.value ?? null,
        ...clock.times(scored, scored),
      })
      const end = endOf(outcome, direction)
      const { compare } = scorer
      const test = await scoreOnTest(end, search, { kept, files: soups, compare, threads, jobId: context.id })
      const { warnings, rules } = await writer.then(findingsOf, (): MergeFindings => ({ warnings: [] }))
      const result = (): Omit<SearchResult, 'model'> => {
        const found = resultOf(request, search, end, test, clock.seconds())
        return { ...found, ...(rules ? { groups: rules } : {}), notes: [...found.notes, ...warnings] }
      }
      const { winner } = end
      const [only] = isSingle(winner.soup) ? winner.soup.members : []
      // With another type of its weights a single model is a new one.
      const single = only === undefined || settings.outputDtype ? undefined : models[only]
      if (single) {
        const { id, name, sha256 } = single
        await succeed(async () => ({ model: { id, name, sha256 }, ...result() }))
        return
      }
      const { merge } = await writer
      const into = { ...merger, threads: { merge, rewrite: merger.threads.rewrite } }
      const options = { jobId: context.id, signal, progress: () => undefined }
      const recalibration = isSingle(winner.soup) ? null : search.recalibration
      const made = { ...soupMerge(winner.soup, search, true), recalibration }
      await scorer.flush()
      await mergeIntoStore(made, into, options, async (merged, insert) => {
        const sha256 = modelDigest(merged.files)
        await kept.adopt(sha256, scoresOf(winner.soup, search, test, threads), context.id)
        await succeed(async transaction => {
          const { name = null, labels, ttl } = request
          const id = await insert(transaction, { name, labels, expiresAt: expiryAfter(ttl) })
          const { notes, ...found } = result()
          return {
            model: { id, name, sha256 },
            ...found,
            notes: [...notes, ...notesOnLeft(merged.report.recalibration)],
          }
        })
      })
    }
    const working = work()
    try {
      await unlessAborted(signal, working)
    } finally {
      over.abort(new Error('the search is over'))
      await letGo(scorer, writer, working)
    }
  }
}

/** Waits until everything that a search has begun has let go of its files: nothing of the search is left when its job has ended. */
async function letGo(scorer: SearchScorer, writer: Promise<CandidateWriter>, working: Promise<void>): Promise<void> {
  const threadEnded = writer.then(
    ({ ended }) => ended,
    () => undefined,
  )
  const [closed] = await Promise.allSettled([scorer.close(), threadEnded, working])
  if (closed.status === 'rejected') throw closed.reason
}

/** Notes on the models: how they were paired, and which are not finite. */
async function findingsOf({ findings, findNonFinite }: CandidateWriter): Promise<MergeFindings> {
  return { ...findings, warnings: [...nonFiniteNotes(await findNonFinite()), ...findings.warnings] }
}

async function requireSound(search: ResolvedSearch, stores: Stores, signal: AbortSignal): Promise<void> {
  const { models, datasets } = stores
  if (search.recalibration) await requireSoundCalibration(search.recalibration, stores, signal)
  const scorings = [search.selection, ...(search.test ? [search.test] : [])]
  await models.requireSound([...filesOf(search.inputs), ...metricModels(scorings.map(({ metric }) => metric))], signal)
  for (const { dataset } of scorings) await datasets.requireSound(dataset, signal)
}

/** Which batch norms of the winner have averaged statistics all the same. */
function notesOnLeft(recalibration: RecalibrationReport | undefined): string[] {
  return (recalibration?.left ?? []).map(({ node, reason }) => `the batch norm ${node} was not measured: it ${reason}`)
}

/** How long a search has run, from its first start on but without the time between a server's end and the next one's start. */
function searchClock({ budget }: SearchRequest, { resumed }: Pick<JobContext<'search'>, 'resumed'>) {
  const before = resumed?.seconds ?? 0
  const started = performance.now()
  const sinceStart = () => (performance.now() - started) / 1000
  const seconds = () => before + sinceStart()
  let firstDone: { done: number; at: number } | undefined
  const left = () => Math.max(0, (budget.seconds ?? Number.POSITIVE_INFINITY) - seconds())
  return {
    seconds,
    deadline:
      budget.seconds === undefined ? new AbortController().signal : AbortSignal.timeout(Math.ceil(left() * 1000)),
    /** The first soup is no measure of the others: it waits for processes to start. */
    times(done: number, total: number): { seconds: number; secondsLeft: number | null } {
      firstDone ??= { done, at: sinceStart() }
      const each = done > firstDone.done ? (sinceStart() - firstDone.at) / (done - firstDone.done) : null
      const secondsLeft = each === null ? null : Math.min(each * Math.max(0, total - done), left())
      return { seconds: seconds(), secondsLeft }
    },
  }
}

/** What comes of the work, or the signal's reason as soon as it fires. */
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

/** Groups of tensors are checked as rules of a merge; the client knows them as groups. */
function asGroupError(error: unknown): unknown {
  if (!(error instanceof TureenError) || error.code !== 'TUREEN_RULE_UNMATCHED') return error
  const errors = error.errors.map(item => ({
    ...item,
    field: (item.field ?? '').replace(/^rules\.(\d+)\.match$/, 'strategy.groups.$1'),
  }))
  return new TureenError(error.code, error.message, errors, { cause: error })
}
