import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Direction } from '../search/ranking.ts'
import type { ComparisonKey, KeptComparison, KeptScores } from './kept-scores.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { subjectOf, taskOn } from './scoring-task.ts'
import type { ExternalTerms, SearchScorer } from './search-scorer.ts'
import { type RunnableSoups, soupOrigin } from './search-soups.ts'
import type { DatasetScoring, ExternalScoring, TermScoring } from './search-term.ts'
import { usableScore } from './usable-score.ts'

/** Settings of the interval. They are part of the key of a kept comparison. */
export const bootstrap = { seed: 0, replicates: 2000, confidence: 0.95 }

/**
 * Soups to score on test, which may repeat. `pair`: the two of them whose difference has an interval. `gains`: asks for the gain of the first over the
 * second in each resample, minus that of `single`; null without an objective. Terms on the same samples have the same seed.
 */
export type ComparedSoups = {
  soups: readonly CandidateSoup[]
  pair: [CandidateSoup, CandidateSoup]
  gains: { single: CandidateSoup; seed: number } | null
}

/**
 * The scores of soups on test, by one term. `interval`: of the first score of the pair minus the second; null without one of the scores, or
 * if the term has no value for each sample. `samples`: null if a scorer gave no score for each sample. `gains`: one for each resample, NaN where it is
 * not defined; null if not asked for, or without a value for each sample.
 */
export type TermTest = {
  scoreOf(soup: CandidateSoup): number | null
  noteOf(soup: CandidateSoup): string | undefined
  direction: Direction
  interval: [low: number, high: number] | null
  samples: number | null
  ignored: number
  leftOut: number
  gains: Float64Array | null
}

/** `external`: scores soups on test by a scorer outside of the server. `track`: hears of work of this server. */
export type TestServices = {
  kept: KeptScores
  soups: RunnableSoups
  compare: SearchScorer['compare']
  threads: number
  jobId: string
  external?: (scoring: ExternalScoring, compared: ComparedSoups) => Promise<TermTest>
  track?: ExternalTerms['track']
}

/** Scores soups on test, by one term. */
export function testTerm(
  scoring: TermScoring,
  compared: ComparedSoups,
  search: ResolvedSearch,
  services: TestServices,
): Promise<TermTest> {
  const { external, track = work => work } = services
  if (scoring.kind === 'dataset') return track(testOnDataset(scoring, compared, search, services))
  if (!external) throw new RangeError(`nothing scores by ${scoring.scorer.name}`)
  return external(scoring, compared)
}

async function testOnDataset(
  { dataset, metric }: DatasetScoring,
  { soups, pair, gains: asked }: ComparedSoups,
  search: ResolvedSearch,
  services: TestServices,
): Promise<TermTest> {
  const { kept, threads } = services
  const distinct = [...new Map(soups.map(soup => [JSON.stringify(soup), soup])).values()]
  const place = (soup: CandidateSoup) => distinct.findIndex(other => JSON.stringify(other) === JSON.stringify(soup))
  const [first, second] = pair
  const key: ComparisonKey = {
    subjects: distinct.map(soup => subjectOf(soupOrigin(soup, search), dataset, threads)),
    metric: metric.identity,
    compared: [place(first), place(second)],
    bootstrap,
    ...(asked ? { gains: { single: place(asked.single), seed: asked.seed } } : {}),
  }
  const known = await kept.comparison(key)
  const { values, notANumber, notes, interval, gains, ...rest } =
    known ?? (await compare(key, distinct, { dataset, metric }, services))
  const scoreOf = (soup: CandidateSoup) =>
    usableScore(values[place(soup)] ?? null, notANumber[place(soup)] ?? 0, metric)
  const hasInterval = scoreOf(first) !== null && scoreOf(second) !== null
  return {
    scoreOf,
    noteOf: soup => notes[place(soup)] ?? undefined,
    direction: metric.direction,
    interval: hasInterval ? interval : null,
    gains: gains ? Float64Array.from(gains, gain => gain ?? Number.NaN) : null,
    ...rest,
  }
}

async function compare(
  key: ComparisonKey,
  compared: readonly CandidateSoup[],
  { dataset, metric }: Omit<DatasetScoring, 'kind'>,
  { kept, soups, compare, threads, jobId }: TestServices,
): Promise<KeptComparison> {
  const models = await Promise.all(compared.map(soups.runnable))
  const task = {
    ...taskOn(dataset, threads),
    models,
    soups: soups.source(),
    metric: metric.task,
    compared: key.compared,
    bootstrap,
    gains: key.gains ?? null,
  }
  return kept.keepComparison(key, await compare(task), jobId)
}
