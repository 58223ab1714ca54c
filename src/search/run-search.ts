import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { candidateSoup } from './candidate-soup.ts'
import type { Dimension } from './dimension.ts'
import { type Direction, goodness } from './ranking.ts'
import {
  type Candidate,
  everyModel,
  type Findings,
  type Strategy,
  type StrategyContext,
  scoreSingles,
} from './strategy.ts'

/** A score: null where there is none. `seconds`: what it took. `cached`: whether another job had computed it before. */
export type Scored = { value: number | null; seconds: number; cached: boolean }

/** A soup and its score. */
export type Trial = Scored & { soup: CandidateSoup }

export type BudgetKind = 'evaluations' | 'seconds'

/** What matters of the method: whether it weighs models, and how many it merges at least. */
export type SearchedMethod = { hasWeights: boolean; fewest: number }

export type Search = {
  strategy: Strategy
  models: number
  /** Globs on tensor names: groups that have weights of their own. */
  groups: readonly string[]
  /** Parameters of the method to search, if any. */
  dimensions?: readonly Dimension[]
  /** The linear mean if left out. */
  method?: SearchedMethod
  direction: Direction
  /** Different soups that may be scored. */
  maximumEvaluations: number
  /** Fires when the search has run as long as it may. One soup is scored all the same. */
  deadline: AbortSignal
  /** Scores a soup; called for many at a time, and once for each. */
  score(soup: CandidateSoup): Promise<Scored>
  /** Whether another soup could be scored right now. */
  hasSpare(): boolean
  /** Told of every soup that has been scored, in order, and how many there are. */
  onTrial(trial: Trial, done: number): void
}

export type SearchOutcome = {
  /** In the order in which the strategy asked for them, each once. */
  trials: Trial[]
  /** The mean of all models, scored for comparison; null if the budget was spent before. */
  uniform: Trial | null
  findings: Findings
  /** The budget that ended the search before its strategy was through. */
  stopped: BudgetKind | null
  /** How many different soups were scored, the uniform one among them. */
  evaluations: number
}

/** What ends a strategy whose budget is spent. */
class BudgetSpent extends Error {
  readonly kind: BudgetKind
  constructor(kind: BudgetKind) {
    super(`the budget of ${kind} is spent`)
    this.kind = kind
  }
}

/**
 * Searches: each model by itself, the mean of all, then what the strategy asks for. Soups are scored side by side, but counted in
 * the order in which they were asked for, so that neither the number of processors nor an interruption changes the outcome.
 *
 * @throws whatever `score` does
 */
export async function runSearch(search: Search): Promise<SearchOutcome> {
  const { models, groups, dimensions = [], method, direction, maximumEvaluations, deadline } = search
  const soupOf = (candidate: Candidate) => candidateSoup(candidate, groups, method?.fewest)
  const started = new Map<string, Promise<Scored>>()
  const tried = new Map<string, Trial>()
  const asked = new Map<string, Trial>()

  const start = (key: string, soup: CandidateSoup) => {
    const known = started.get(key)
    if (known) return known
    const scored = search.score(soup)
    // Whoever waits for it meets the error; perhaps nobody does any more.
    scored.catch(() => undefined)
    started.set(key, scored)
    return scored
  }

  const finish = async (key: string, soup: CandidateSoup): Promise<Trial> => {
    const known = tried.get(key)
    if (known) return known
    const scored = await beforeDeadline(start(key, soup), tried.size > 0 ? deadline : undefined)
    const trial = { soup, ...scored }
    tried.set(key, trial)
    search.onTrial(trial, tried.size)
    return trial
  }

  /** Scores in order as far as the budget goes, then throws {@link BudgetSpent} if that was not all. */
  const scoreAll = async (candidates: readonly Candidate[], onTrial: (key: string, trial: Trial) => void) => {
    const soups = candidates.map(soupOf)
    const within = withinBudget(soups.map(keyOf), tried, maximumEvaluations)
    for (const soup of soups.slice(0, within)) {
      if (!tried.has(keyOf(soup))) start(keyOf(soup), soup)
    }
    for (const soup of soups.slice(0, within)) onTrial(keyOf(soup), await finish(keyOf(soup), soup))
    if (within < soups.length) throw new BudgetSpent('evaluations')
  }

  const context: StrategyContext = {
    models,
    groups: groups.length,
    dimensions,
    hasWeights: method?.hasWeights ?? true,
    async score(candidates) {
      const scores: number[] = []
      await scoreAll(candidates, (key, trial) => {
        asked.set(key, trial)
        scores.push(goodness(trial.value, direction))
      })
      return scores
    },
    anticipate(candidate) {
      const soup = soupOf(candidate)
      if (search.hasSpare() && tried.size < maximumEvaluations) start(keyOf(soup), soup)
    },
  }

  const all = everyModel(models)
  let findings: Findings = {}
  let stopped: BudgetKind | null = null
  try {
    await scoreSingles(context)
    await scoreAll([all], () => undefined)
    findings = await search.strategy.run(context)
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    stopped = error.kind
  }
  return {
    trials: [...asked.values()],
    uniform: tried.get(keyOf(candidateSoup(all, []))) ?? null,
    findings,
    stopped,
    evaluations: tried.size,
  }
}

function keyOf(soup: CandidateSoup): string {
  return JSON.stringify(soup)
}

/** How many of the keys, from the first on, can be had with at most `maximum` different ones tried in all. */
function withinBudget(keys: readonly string[], tried: ReadonlyMap<string, unknown>, maximum: number): number {
  const fresh = new Set<string>()
  const over = keys.findIndex(key => {
    if (!tried.has(key)) fresh.add(key)
    return tried.size + fresh.size > maximum
  })
  return over < 0 ? keys.length : over
}

async function beforeDeadline<Value>(value: Promise<Value>, deadline: AbortSignal | undefined): Promise<Value> {
  if (!deadline) return value
  const { promise: over, reject } = Promise.withResolvers<never>()
  const expire = () => reject(new BudgetSpent('seconds'))
  if (deadline.aborted) expire()
  deadline.addEventListener('abort', expire)
  try {
    return await Promise.race([value, over])
  } finally {
    deadline.removeEventListener('abort', expire)
  }
}
