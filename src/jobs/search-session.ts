import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { MetricScoring } from '../evaluate/protocol.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { filesOf } from '../merge/merge-inputs.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { type CandidateLanes, candidateLanes, type LaneCandidate } from './candidate-lanes.ts'
import { readingCalibration } from './recalibration.ts'
import { metricModels, type ResolvedDataset, type ResolvedMetric, type Stores } from './resolve-evaluation.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import type { Subject } from './score-subject.ts'
import { subjectOf, taskOn } from './scoring-task.ts'
import { type SearchPlans, searchPlans } from './search-plans.ts'
import { type RunnableSoups, runnableSoups, soupName, soupOrigin } from './search-soups.ts'
import { type DatasetScoring, datasetScorings, isOnDataset } from './search-term.ts'

/** The means to score the soups of searches in this process. */
export type SoupScoring = {
  threads: Pick<ThreadPool, 'planSearch' | 'planBase'>
  contentFiles: Pick<ContentFiles, 'makeOutput' | 'discard'>
  evaluators: EvaluatorPool
  /** Threads of onnxruntime in one evaluation. */
  evaluationThreads: number
  /** Most bytes of samples that the evaluators of one search keep ready, all together. */
  memoryBytes: number
}

/** A term of a search that this process can score. */
export type SessionTerm = {
  metric: ResolvedMetric
  task: MetricScoring
  /** Returns the subject of a soup's score on the selection data set. */
  subjectOf(soup: CandidateSoup): Subject
}

/** The means to score the soups of one search. */
export type ScoringSession = {
  /** The terms, in order; null for those that are scored outside of the server. */
  terms: readonly (SessionTerm | null)[]
  /** True if candidates rank by the objective of a list of terms. */
  isList: boolean
  /** Number of soups that are scored at the same time. */
  width: number
  soups: Pick<RunnableSoups, 'runnable'>
  /** Returns a soup in words, for errors. */
  nameOf(soup: CandidateSoup): string
  /** Returns evaluators for the soups. The caller ends them before it closes the plans. */
  lanes<Candidate extends LaneCandidate>(onDealt?: () => void): CandidateLanes<Candidate>
}

/** A search whose soups this process can score. Its files must be leased, see {@link readingSearch}. */
export type SearchSession = ScoringSession & { plans: SearchPlans; soups: RunnableSoups; evaluationThreads: number }

/** Opens a search in this process. @param signal ends all work on it; it fires before the lanes are ended and the plans closed */
export function openSearchSession(
  search: ResolvedSearch,
  { threads, contentFiles, evaluators, evaluationThreads, memoryBytes }: SoupScoring,
  signal: AbortSignal,
): SearchSession {
  const plans = searchPlans(search, threads, contentFiles, signal)
  const soups = runnableSoups(search, plans)
  const readyBytes = Math.floor(memoryBytes / evaluators.width)
  const selections = search.terms.map(({ selection }) => selection)
  const datasets = distinctDatasets(selections.filter(isOnDataset)).map(({ files }) => ({ files }))
  const termOf = ({ dataset, metric }: DatasetScoring): SessionTerm => ({
    metric,
    task: { ...taskOn(dataset, evaluationThreads), metric: metric.task },
    subjectOf: soup => subjectOf(soupOrigin(soup, search), dataset, evaluationThreads),
  })
  return {
    terms: selections.map(each => (isOnDataset(each) ? termOf(each) : null)),
    isList: search.isList,
    plans,
    soups,
    evaluationThreads,
    width: evaluators.width,
    nameOf: soup => soupName(soup, search),
    lanes: onDealt =>
      candidateLanes(evaluators, () => ({ soups: soups.source(), readyBytes, datasets }), signal, onDealt),
  }
}

/** Leases all files of a search and checks them, while `run` reads them. @throws TureenError `TUREEN_CONTENT_DAMAGED` */
export async function readingSearch(
  { inputs, recalibration, terms }: ResolvedSearch,
  stores: Stores,
  signal: AbortSignal,
  run: () => Promise<void>,
): Promise<void> {
  const { models, datasets } = stores
  const scorings = datasetScorings(terms)
  const files = [...filesOf(inputs), ...metricModels(scorings.map(({ metric }) => metric))]
  const readingDatasets = distinctDatasets(scorings).reduceRight(
    (reading, dataset) => () => datasets.whileSound(dataset, signal, reading),
    run,
  )
  const readingModels = () => models.whileSound(files, signal, readingDatasets)
  await readingCalibration(recalibration, stores, signal, readingModels)
}

/** Returns the data sets of scorings, each once. */
function distinctDatasets(scorings: readonly DatasetScoring[]): ResolvedDataset[] {
  return [...new Map(scorings.map(({ dataset }) => [dataset.id, dataset])).values()]
}
