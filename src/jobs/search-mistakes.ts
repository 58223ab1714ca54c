import { type Mistake, type MistakeCounts, maximumMistakes } from '../../schemas/mistake.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { type Mistakes, noMistakes } from '../evaluate/mistakes.ts'
import type { MetricTask } from '../evaluate/protocol.ts'
import type { SearchEnd } from '../search/search-end.ts'
import type { KeptScores } from './kept-scores.ts'
import type { ResolvedSearch } from './resolve-search.ts'
import { subjectOf, taskOn } from './scoring-task.ts'
import type { SearchScorer } from './search-scorer.ts'
import { type RunnableSoups, soupOrigin } from './search-soups.ts'
import type { DatasetScoring, TermScoring } from './search-term.ts'

/** The mistakes of a search, in numbers and sample by sample. */
export type SearchMistakes = { counts: MistakeCounts; listed: Mistake[] }

/** The mistakes of a search; null if it has none. `note`: the failure that is the reason for that. */
export type ToldMistakes = { mistakes: SearchMistakes | null; note?: string }

type MistakeServices = {
  kept: KeptScores
  soups: RunnableSoups
  tellMistakes: SearchScorer['tellMistakes']
  threads: number
  jobId: string
}

/**
 * Finds the samples that the winner newly gets right and newly gets wrong against the best single model. It takes the first term that has a
 * scoring metric of classes: its test data, otherwise the data that chose the winner. A failure is a note, since the search has its result.
 */
export async function tellMistakes(
  { winner, bestSingle }: SearchEnd,
  search: ResolvedSearch,
  { kept, soups, tellMistakes: run, threads, jobId }: MistakeServices,
): Promise<ToldMistakes> {
  const told = search.terms
    .map(({ selection, test }, term) => ({
      term,
      on: test ? ('test' as const) : ('selection' as const),
      scoring: test ?? selection,
    }))
    .flatMap(each => withClasses(each.scoring).map(found => ({ ...each, ...found })))[0]
  if (!told) return { mistakes: null }
  const { dataset, metric, on, term } = told
  const compared = [winner.soup, bestSingle.soup]
  const place = { on, ...(search.isList ? { term } : {}) }
  if (JSON.stringify(winner.soup) === JSON.stringify(bestSingle.soup)) return { mistakes: shown(noMistakes, place) }
  const key = { subjects: compared.map(soup => subjectOf(soupOrigin(soup, search), dataset, threads)), metric }
  try {
    const known = await kept.mistakes(key)
    if (known) return { mistakes: shown(known, place) }
    const models = await Promise.all(compared.map(soups.runnable))
    const task = { ...taskOn(dataset, threads), models, soups: soups.source(), metric, most: maximumMistakes }
    const found = await run(task)
    await kept.keepMistakes(key, found, jobId)
    return { mistakes: shown(found, place) }
  } catch (error) {
    if (!(error instanceof TureenError) || !failures.has(error.code)) throw error
    return {
      mistakes: null,
      note: `the samples that the winner newly gets right or wrong are not told: ${error.message}`,
    }
  }
}

/** Failures of a model or metric, after which the search still has its result. */
const failures: ReadonlySet<ErrorCode> = new Set([
  'TUREEN_EVALUATION_FAILED',
  'TUREEN_EVALUATION_CRASHED',
  'TUREEN_EVALUATION_MEMORY',
  'TUREEN_EVALUATION_TIMEOUT',
  'TUREEN_METRIC_MISMATCH',
])

/** Scoring metrics that predict classes themselves. */
const predicting: ReadonlySet<string> = new Set(['accuracy', 'balancedAccuracy', 'macroF1'])
/** Scoring metrics of classes that score probabilities. The class with the highest one is the prediction, as of `accuracy`. */
const probabilistic: ReadonlySet<string> = new Set(['crossEntropy', 'rocAuc', 'topK'])

/** Returns the scoring with a metric that predicts classes; nothing if it has none. */
function withClasses(scoring: TermScoring): (Pick<DatasetScoring, 'dataset'> & { metric: MetricTask })[] {
  if (scoring.kind !== 'dataset' || scoring.metric.task.kind !== 'registered') return []
  const { dataset, metric } = scoring
  const { metric: name, parameters } = scoring.metric.task
  if (predicting.has(name)) return [{ dataset, metric: metric.task }]
  if (!probabilistic.has(name)) return []
  const { from = 'auto', classes, ignoreIndex } = parameters
  const of = {
    from,
    ...(classes === undefined ? {} : { classes }),
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
  }
  return [{ dataset, metric: { kind: 'registered', name: 'accuracy', metric: 'accuracy', parameters: of } }]
}

function shown(
  { isTold, newlyRight, newlyWrong, listed }: Mistakes,
  place: Pick<MistakeCounts, 'on' | 'term'>,
): SearchMistakes | null {
  if (!isTold) return null
  return {
    counts: { ...place, newlyRight, newlyWrong, listed: listed.length },
    listed: listed.map(([sample, target, winner, bestSingle]) => ({
      sample,
      outcome: winner === target ? 'newlyRight' : 'newlyWrong',
      target,
      winner,
      bestSingle,
    })),
  }
}
