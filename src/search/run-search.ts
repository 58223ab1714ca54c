import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { candidateSoup } from './candidate-soup.ts'
import type { SearchDimension } from './dimension.ts'
import { type Direction, goodness } from './ranking.ts'
import {
  type Candidate,
  everyModel,
  type Strategy,
  type StrategyContext,
  type StrategyFindings,
  scoreSingles,
} from './strategy.ts'

/**
 * A score, null if the metric gave none. `seconds`: time spent scoring. `cached`: true if another job computed the
 * score before. `note`: an assumption of the scoring. `ignored`: number of targets that the score leaves out.
 */
export type Scored = {
  value: number | null
  seconds: number
  cached: boolean
  note?: string | undefined
  ignored?: number | undefined
}

/** A soup with its score. */
export type ScoredCandidate = Scored & { soup: CandidateSoup }

export type BudgetKind = 'evaluations' | 'seconds'

/** Facts of the searched merge method: whether it has weights, and the fewest models that it merges. */
export type SearchedMethod = { hasWeights: boolean; fewest: number }

export type Search = {
  strategy: Strategy
  models: number
  /** Globs on tensor names, one for each group of tensors with weights of its own. */
  groups: readonly string[]
  /** Parameters of the merge method that the search chooses, if any. */
  dimensions?: readonly SearchDimension[]
  /** Defaults to a linear mean. */
  method?: SearchedMethod
  direction: Direction
  /** The largest number of different soups to score. */
  maximumEvaluations: number
  /** Fires when the time budget is spent. The first soup is scored even then. */
  deadline: AbortSignal
  /** Scores a soup. Called for many soups at a time, and once for each soup. */
  score(soup: CandidateSoup): Promise<Scored>
  /** Returns true if another soup could be scored right now. */
  hasSpare(): boolean
  /** Called after each scored soup, in order, with the number of soups scored so far. */
  onScored(candidate: ScoredCandidate, done: number): void
}

export type SearchOutcome = {
  /** Soups in the order in which the strategy asked for them, each once. */
  candidates: ScoredCandidate[]
  /** The mean of all models, scored for comparison; null if the budget was spent before. */
  uniform: ScoredCandidate | null
  findings: StrategyFindings
  /** The budget that ended the search before its strategy had finished; null if none did. */
  stopped: BudgetKind | null
  /** The number of different soups scored, including the mean of all models. */
  evaluations: number
}

/** Thrown into a strategy to end it when a budget is spent. */
class BudgetSpent extends Error {
  readonly kind: BudgetKind
  constructor(kind: BudgetKind) {
    super(`the budget of ${kind} is spent`)
    this.kind = kind
  }
}

/**
 * Runs a search: scores each model by itself, the mean of all models, then the candidates of the strategy. Several
 * soups are scored at a time, but counted in the order of the requests. So neither the number of processors nor an
 * interruption changes the outcome.
 * @throws any error that `score` throws
 */
export async function runSearch(search: Search): Promise<SearchOutcome> {
  const { models, groups, dimensions = [], method, direction, maximumEvaluations, deadline } = search
  const soupOf = (candidate: Candidate) => candidateSoup(candidate, groups, method?.fewest)
  const started = new Map<string, Promise<Scored>>()
  const tried = new Map<string, ScoredCandidate>()
  const asked = new Map<string, ScoredCandidate>()

  const start = (key: string, soup: CandidateSoup) => {
    const known = started.get(key)
    if (known) return known
    const scored = search.score(soup)
    // A caller that awaits the promise gets the error. Without this handler, a score that nobody awaits would crash the
    // process.
    scored.catch(() => undefined)
    started.set(key, scored)
    return scored
  }

  const finish = async (key: string, soup: CandidateSoup): Promise<ScoredCandidate> => {
    const known = tried.get(key)
    if (known) return known
    const scored = await beforeDeadline(start(key, soup), tried.size > 0 ? deadline : undefined)
    const candidate = { soup, ...scored }
    tried.set(key, candidate)
    search.onScored(candidate, tried.size)
    return candidate
  }

  /** Scores in order while the budget lasts, then throws {@link BudgetSpent} if candidates are left. */
  const scoreAll = async (
    candidates: readonly Candidate[],
    onScored: (key: string, candidate: ScoredCandidate) => void,
  ) => {
    const soups = candidates.map(soupOf)
    const within = withinBudget(soups.map(keyOf), tried, maximumEvaluations)
    for (const soup of soups.slice(0, within)) {
      if (!tried.has(keyOf(soup))) start(keyOf(soup), soup)
    }
    for (const soup of soups.slice(0, within)) onScored(keyOf(soup), await finish(keyOf(soup), soup))
    if (within < soups.length) throw new BudgetSpent('evaluations')
  }

  const context: StrategyContext = {
    models,
    groups: groups.length,
    dimensions,
    hasWeights: method?.hasWeights ?? true,
    async score(candidates) {
      const scores: number[] = []
      await scoreAll(candidates, (key, candidate) => {
        asked.set(key, candidate)
        scores.push(goodness(candidate.value, direction))
      })
      return scores
    },
    anticipate(candidate) {
      const soup = soupOf(candidate)
      if (search.hasSpare() && tried.size < maximumEvaluations) start(keyOf(soup), soup)
    },
  }

  const all = everyModel(models)
  const mean = candidateSoup(all, [])
  let findings: StrategyFindings = {}
  let stopped: BudgetKind | null = null
  try {
    const singles = scoreSingles(context)
    // The mean of all models waits for no score.
    if (models < maximumEvaluations) start(keyOf(mean), mean)
    await singles
    await scoreAll([all], () => undefined)
    findings = await search.strategy.run(context)
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    stopped = error.kind
  }
  return {
    candidates: [...asked.values()],
    uniform: tried.get(keyOf(mean)) ?? null,
    findings,
    stopped,
    evaluations: tried.size,
  }
}

function keyOf(soup: CandidateSoup): string {
  return JSON.stringify(soup)
}

/** Returns how many keys, counted from the first, fit the budget: at most `maximum` different keys tried in all. */
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
