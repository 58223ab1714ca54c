import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { candidateSoup, isSingle } from './candidate-soup.ts'
import type { SearchDimension } from './dimension.ts'
import type { ObjectiveTerm } from './objective.ts'
import { bestOf, type Direction, goodness, rankOf } from './ranking.ts'
import type { ScoredCandidate, ScoredSoup } from './scored-candidate.ts'
import { judgeByTerms, type Standings } from './standings.ts'
import {
  type Candidate,
  everyModel,
  type Strategy,
  type StrategyContext,
  type StrategyFindings,
  scoreSingles,
} from './strategy.ts'

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
  /** The direction in which scores are better; `max` in a search by terms. */
  direction: Direction
  /** Terms of an objective, by which soups rank. Without them, soups rank by their scores. */
  terms?: readonly ObjectiveTerm[] | undefined
  /** The base, whose scores thresholds and the result need in a search by terms. It counts as no soup that was scored. */
  base?: CandidateSoup | undefined
  /** The largest number of different soups to score. */
  maximumEvaluations: number
  /** Fires when the time budget is spent. The first soup is scored even then. */
  deadline: AbortSignal
  /**
   * Scores a soup. Called for many soups at a time, and once for each soup.
   * @param isAnticipated true while the search can go on without this score
   */
  score(soup: CandidateSoup, isAnticipated?: boolean): Promise<ScoredSoup>
  /** Hears that the search cannot go on without the score of an anticipated soup any more. */
  needs?(soup: CandidateSoup): void
  /**
   * True if scores come from outside of the server, in any order. The search then starts early with all soups that it will need. When the time
   * budget is spent, it counts all soups with a score, and not only those before the first without one.
   */
  isOutside?: boolean
  /** Returns true if another soup could be scored right now. */
  hasSpare(): boolean
  /**
   * Called after each scored soup, in order, with the number of soups scored so far, and the best of them. A search by terms has no best soup
   * before all single models are scored.
   */
  onScored(candidate: ScoredCandidate, done: number, best: ScoredCandidate | undefined): void
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
  /** The terms of the objective, measured by the single models and the base; null in a search without terms. */
  standings: Standings | null
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
  const started = new Map<string, Promise<ScoredSoup>>()
  const tried = new Map<string, ScoredCandidate>()
  const asked = new Set<string>()
  /** Scores that are there, also of soups that do not count yet. */
  const ready = new Map<string, { soup: CandidateSoup; scored: ScoredSoup }>()
  const anticipated = new Set<string>()
  /** Soups that the strategy has asked for, or asks for whatever the scores are. */
  const proposed = new Set<string>()
  let best: ScoredCandidate | undefined
  let standings: Standings | null = null

  const start = (key: string, soup: CandidateSoup, isAnticipated = false) => {
    const known = started.get(key)
    if (known && !isAnticipated && anticipated.delete(key)) search.needs?.(soup)
    if (known) return known
    const scored = search.score(soup, isAnticipated)
    if (isAnticipated) anticipated.add(key)
    // A caller that awaits the promise gets the error. Without this handler, a score that nobody awaits would crash the
    // process.
    scored.then(
      value => ready.set(key, { soup, scored: value }),
      () => undefined,
    )
    started.set(key, scored)
    return scored
  }

  const finish = async (key: string, soup: CandidateSoup): Promise<ScoredCandidate> => {
    const known = tried.get(key)
    if (known) return known
    return count(
      key,
      soup,
      await beforeDeadline(start(key, soup), search.isOutside || tried.size > 0 ? deadline : undefined, mayEnd),
    )
  }

  /** True once the search has a score that it can end with. */
  const mayEnd = () =>
    tried.size > 0 || (search.isOutside === true && [...ready.values()].some(({ soup }) => isSingle(soup)))

  const count = (key: string, soup: CandidateSoup, scored: ScoredSoup): ScoredCandidate => {
    const candidate = { soup, ...scored }
    tried.set(key, standings ? standings.judge(candidate) : candidate)
    const judged = tried.get(key) ?? candidate
    best = bestOf(best ? [best, judged] : [judged], direction)
    search.onScored(judged, tried.size, best)
    return judged
  }

  /** Measures the terms by the single models and the base that have been scored, and judges all soups so far. */
  const settle = async () => {
    if (!search.terms || standings) return
    const { base } = search
    const scored =
      base && (await beforeDeadline(start(keyOf(base), base), tried.size > 0 ? deadline : undefined, mayEnd))
    measureBy(search.terms, scored ?? null)
  }
  const measureBy = (terms: readonly ObjectiveTerm[], base: ScoredSoup | null) => {
    const singles = [...tried.values()].filter(({ soup }) => isSingle(soup))
    const measured = judgeByTerms(terms, singles, base)
    standings = measured
    for (const [key, candidate] of tried) tried.set(key, measured.judge(candidate))
    best = bestOf([...tried.values()], direction)
  }

  /** Scores in order while the budget lasts, then throws {@link BudgetSpent} if candidates are left. */
  const scoreAll = async (candidates: readonly Candidate[], onScored: (key: string) => void) => {
    const soups = candidates.map(soupOf)
    const within = withinBudget(soups.map(keyOf), tried, maximumEvaluations)
    for (const soup of soups.slice(0, within)) {
      if (!tried.has(keyOf(soup))) start(keyOf(soup), soup)
    }
    for (const soup of soups.slice(0, within)) {
      await finish(keyOf(soup), soup)
      onScored(keyOf(soup))
    }
    if (within < soups.length) throw new BudgetSpent('evaluations')
  }

  /** Counts the soups that have a score by now and that the strategy has asked for, as far as the budget of evaluations goes. */
  const countReady = () => {
    for (const [key, { soup, scored }] of ready) {
      const isMean = key === keyOf(mean)
      const isCounted = tried.has(key) || tried.size < maximumEvaluations
      if (isCounted && !tried.has(key) && (proposed.has(key) || isMean)) count(key, soup, scored)
      if (isCounted && proposed.has(key)) asked.add(key)
    }
  }

  const scoreRanked = async (
    candidates: readonly Candidate[],
    goodnessOf: (candidate: ScoredCandidate) => number,
  ): Promise<number[]> => {
    const keys: string[] = []
    for (const candidate of candidates) proposed.add(keyOf(soupOf(candidate)))
    await scoreAll(candidates, key => {
      asked.add(key)
      keys.push(key)
    })
    await settle()
    return keys.map(key => {
      const candidate = tried.get(key)
      return candidate ? goodnessOf(candidate) : Number.NEGATIVE_INFINITY
    })
  }

  const context: StrategyContext = {
    models,
    groups: groups.length,
    dimensions,
    hasWeights: method?.hasWeights ?? true,
    score: candidates => scoreRanked(candidates, candidate => rankOf(candidate, direction)),
    measure: candidates => scoreRanked(candidates, ({ value }) => goodness(value, direction)),
    anticipate(candidate) {
      const soup = soupOf(candidate)
      if (search.hasSpare() && tried.size < maximumEvaluations) start(keyOf(soup), soup, true)
    },
  }

  /** Starts with the candidates that the strategy asks for whatever the scores are, as far as the budget of evaluations goes. */
  const startUpfront = () => {
    for (const soup of (search.strategy.upfront?.(context) ?? []).map(soupOf)) {
      if (started.size >= maximumEvaluations) return
      proposed.add(keyOf(soup))
      start(keyOf(soup), soup)
    }
  }

  const all = everyModel(models)
  const mean = candidateSoup(all, [])
  let findings: StrategyFindings = {}
  let stopped: BudgetKind | null = null
  try {
    if (search.base) start(keyOf(search.base), search.base)
    // The single models come first, since terms are measured by them.
    const singles = scoreSingles(context)
    // The mean of all models waits for no score.
    if (models < maximumEvaluations) start(keyOf(mean), mean)
    if (search.isOutside) startUpfront()
    await singles
    await scoreAll([all], () => undefined)
    findings = await search.strategy.run(context)
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    stopped = error.kind
    if (search.isOutside && stopped === 'seconds') countReady()
    // The budget may be spent before all single models are scored.
    await settle().catch((failure: unknown) => {
      if (!(failure instanceof BudgetSpent) || !search.terms) throw failure
      measureBy(search.terms, null)
    })
  }
  return {
    candidates: [...asked].flatMap(key => tried.get(key) ?? []),
    uniform: tried.get(keyOf(mean)) ?? null,
    findings,
    stopped,
    evaluations: tried.size,
    standings,
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

/** Returns a value, unless a deadline comes first. @param mayEnd called at the deadline; false: the value is awaited nevertheless */
async function beforeDeadline<Value>(
  value: Promise<Value>,
  deadline: AbortSignal | undefined,
  mayEnd: () => boolean,
): Promise<Value> {
  if (!deadline) return value
  const { promise: over, reject } = Promise.withResolvers<never>()
  const expire = () => {
    if (mayEnd()) reject(new BudgetSpent('seconds'))
  }
  if (deadline.aborted) expire()
  deadline.addEventListener('abort', expire)
  try {
    return await Promise.race([value, over])
  } finally {
    deadline.removeEventListener('abort', expire)
  }
}
