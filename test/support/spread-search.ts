import { setTimeout as delay } from 'node:timers/promises'
import type { EvaluatorPool, Lease } from '../../src/evaluate/evaluator-pool.ts'
import type { RunnableModel, SoupSource } from '../../src/evaluate/protocol.ts'
import { candidateLanes } from '../../src/jobs/candidate-lanes.ts'
import { createKeptScores, type KeptScores } from '../../src/jobs/kept-scores.ts'
import type { ScoringSession } from '../../src/jobs/search-session.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import type { Scores } from '../../src/storage/scores.ts'

/** Seconds that each candidate says it took, so that a search offers what it does not score within a few candidates. */
export const toldSeconds = 0.4

/** Scores of soups, by the place of a term. `seconds`: those that a candidate really takes. `terms`: their number if the search has a list. */
export type SoupScores = { scoreOf(soup: CandidateSoup, term: number): number; seconds(): number; terms?: number }

const binding = { inputs: [], target: null, output: null, references: [], batchSize: 1, fixed: false }
const metricOf = (term: number) => ({
  kind: 'registered' as const,
  name: `term ${term}`,
  metric: 'accuracy',
  parameters: {},
})

function soupIn(model: RunnableModel): CandidateSoup {
  if ('soup' in model) return model.soup
  throw new TypeError('these searches have no models by their files')
}

const notAsked = () => Promise.reject(new Error('not asked'))

/** Evaluators that score soups by a function. An error of the function is the error of its candidate. */
export function soupEvaluators(
  width: number,
  { scoreOf, seconds }: SoupScores,
): Pick<EvaluatorPool, 'width' | 'lease'> {
  const score: Lease['score'] = async ({ models, terms, termOf, milliseconds }, signal, onScored) => {
    // At least one, like an evaluator.
    const most = Math.ceil(milliseconds / 1000 / toldSeconds)
    for (const [index, model] of models.slice(0, most).entries()) {
      await delay(seconds() * 1000, undefined, { signal })
      const outcome = {
        name: 'accuracy',
        value: scoreOf(soupIn(model), Number(terms[termOf[index] ?? -1]?.metric.name.slice('term '.length))),
        ignored: 0,
      }
      const latency = { median: 1, p95: 1 }
      onScored({ metrics: [outcome], samples: 10, notANumber: 0, seconds: toldSeconds, latency })
    }
  }
  const others = { evaluate: notAsked, compare: notAsked, tellMistakes: notAsked, measure: notAsked }
  const lease = () => ({ score, ...others, end: async () => undefined })
  return { width, lease }
}

/** Opens a search whose soups are scored by a function. */
export function soupSession(width: number, scores: SoupScores, signal: AbortSignal): ScoringSession {
  const evaluators = soupEvaluators(width, scores)
  const soups: SoupSource = { inputs: [], plans: new Map(), settings: defaultSettings, calibration: null }
  const common = {
    dataset: { files: [] },
    binding,
    limit: null,
    threads: 1,
    targets: 1,
  }
  return {
    terms: Array.from({ length: scores.terms ?? 1 }, (_, term) => {
      const identity = { metric: 'accuracy', parameters: {} }
      return {
        metric: { task: metricOf(term), identity, direction: 'max' as const, picksClasses: true },
        task: { ...common, metric: metricOf(term) },
        subjectOf: (soup: CandidateSoup) => ({
          model: JSON.stringify(soup),
          dataset: `sha256:data of term ${term}`,
          binding,
          limit: null,
          threads: 1,
        }),
      }
    }),
    isList: scores.terms !== undefined,
    width,
    soups: { runnable: async soup => ({ soup, base: 0, recalibrated: false }) },
    nameOf: ({ members }) => `the soup of ${members}`,
    lanes: onDealt => candidateLanes(evaluators, () => ({ soups, readyBytes: 0, datasets: [] }), signal, onDealt),
  }
}

/** Returns kept scores in the memory of this process. */
export function scoresInMemory(): KeptScores {
  const values = new Map<string, { value: object; jobId: string | null }>()
  const scores: Scores = {
    get: async parts => values.get(JSON.stringify(parts)),
    find: async parts => parts.map(each => values.get(JSON.stringify(each))),
    findKeys: async keys => keys.map(() => undefined),
    async put(entries, jobId) {
      for (const { parts, value } of entries) {
        const key = JSON.stringify(parts)
        // As the catalog has them: JSON texts.
        values.set(key, { value: JSON.parse(JSON.stringify(value)), jobId: values.get(key)?.jobId ?? jobId })
      }
    },
    list: async () => ({ items: [], nextCursor: null }),
  }
  return createKeptScores(scores)
}
