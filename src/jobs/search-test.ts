import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { candidateSoup } from '../search/candidate-soup.ts'
import type { TestScores } from '../search/recommendation.ts'
import type { SearchEnd } from '../search/search-end.ts'
import { everyModel } from '../search/strategy.ts'
import type { ComparisonKey, KeptComparison, KeptScores, SoupScore } from './kept-scores.ts'
import type { Scoring } from './resolve-scoring.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { subjectOf, taskOn } from './scoring-task.ts'
import type { SearchScorer } from './search-scorer.ts'
import { type RunnableSoups, soupOrigin } from './search-soups.ts'
import { usableScore } from './usable-score.ts'

/** Settings of the interval. They are part of the key of a kept comparison. */
export const bootstrap = { seed: 0, replicates: 2000, confidence: 0.95 }

/**
 * Scores on the test data set, which the choice of candidates does not use. `ignored`: number of targets that they leave out. `leftOut`:
 * number of bootstrap replicates that the interval leaves out.
 */
export type SampledTestScores = TestScores & { samples: number; ignored: number; leftOut: number }

type Services = {
  kept: KeptScores
  soups: RunnableSoups
  compare: SearchScorer['compare']
  threads: number
  jobId: string
}

/**
 * Scores the winner, the best single model and the mean of all models once on the test data set, and computes the interval of the difference
 * between the first two. Null if the request has no test data set.
 */
export async function scoreOnTest(
  { winner, bestSingle }: SearchEnd,
  search: ResolvedSearch,
  services: Services,
): Promise<SampledTestScores | null> {
  const { test, models } = search
  if (!test) return null
  const { kept, threads } = services
  const everything = candidateSoup(everyModel(models.length), [])
  const soups = [winner.soup, bestSingle.soup, everything]
  const distinct = [...new Map(soups.map(soup => [JSON.stringify(soup), soup])).values()]
  const place = (soup: CandidateSoup) => distinct.findIndex(other => JSON.stringify(other) === JSON.stringify(soup))
  const compared: [number, number] = [place(winner.soup), place(bestSingle.soup)]
  const key: ComparisonKey = {
    subjects: distinct.map(soup => subjectOf(soupOrigin(soup, search), test.dataset, threads)),
    metric: test.metric.identity,
    compared,
    bootstrap,
  }
  const known = await kept.comparison(key)
  const { values, notANumber, notes, interval, ...rest } = known ?? (await compare(key, distinct, test, services))
  const scoreOf = (soup: CandidateSoup) =>
    usableScore(values[place(soup)] ?? null, notANumber[place(soup)] ?? 0, test.metric)
  const pair = { winner: scoreOf(winner.soup), bestSingle: scoreOf(bestSingle.soup) }
  const hasInterval = pair.winner !== null && pair.bestSingle !== null
  const { direction } = test.metric
  const { confidence } = bootstrap
  const uniform = scoreOf(everything)
  const noteOf = (soup: CandidateSoup) => notes[place(soup)] ?? undefined
  const said = { winner: noteOf(winner.soup), bestSingle: noteOf(bestSingle.soup) }
  return { ...pair, uniform, interval: hasInterval ? interval : null, confidence, direction, notes: said, ...rest }
}

async function compare(
  key: ComparisonKey,
  compared: readonly CandidateSoup[],
  { dataset, metric }: Scoring,
  { kept, soups, compare, threads, jobId }: Services,
): Promise<KeptComparison> {
  const models = await Promise.all(compared.map(soups.runnable))
  const task = {
    ...taskOn(dataset, threads),
    models,
    soups: soups.source(),
    metric: metric.task,
    compared: key.compared,
    bootstrap,
  }
  return kept.keepComparison(key, await compare(task), jobId)
}

/** Returns the scores of a soup of the search: on selection, and on test if there is one. */
export function scoresOf(
  soup: CandidateSoup,
  search: ResolvedSearch,
  tested: SampledTestScores | null,
  threads: number,
): SoupScore[] {
  const { selection, test } = search
  const origin = soupOrigin(soup, search)
  const scoreOn = ({ dataset, metric }: Scoring, samples: number): SoupScore => {
    return { subject: subjectOf(origin, dataset, threads), metric: metric.identity, samples }
  }
  return [scoreOn(selection, selection.dataset.samples), ...(test && tested ? [scoreOn(test, tested.samples)] : [])]
}
