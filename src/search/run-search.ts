import type { CandidateSoup } from '../merge/candidate-plan.ts'
import { type BudgetKind, BudgetSpent, beforeDeadline, withinBudget } from './budget.ts'
import { candidateSoup, isSingle } from './candidate-soup.ts'
import { countedSoups } from './counted-soups.ts'
import type { SearchDimension } from './dimension.ts'
import type { ObjectiveTerm } from './objective.ts'
import { type Direction, goodness, rankOf } from './ranking.ts'
import type { ScoredCandidate, ScoredSoup } from './scored-candidate.ts'
import type { Standings } from './standings.ts'
import { keyOf, startedSoups } from './started-soups.ts'
import {
  type Candidate,
  everyModel,
  type Strategy,
  type StrategyContext,
  type StrategyFindings,
  scoreSingles,
} from './strategy.ts'

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

/**
 * Runs a search: scores each model by itself, the mean of all models, then the candidates of the strategy. Several
 * soups are scored at a time, but counted in the order of the requests. So neither the number of processors nor an
 * interruption changes the outcome.
 * @throws any error that `score` throws
 */
export async function runSearch(search: Search): Promise<SearchOutcome> {
  const { models, groups, dimensions = [], method, direction, maximumEvaluations, deadline } = search
  const soupOf = (candidate: Candidate) => candidateSoup(candidate, groups, method?.fewest)
  const { score, needs, onScored, isOutside = false } = search
  const soups = startedSoups(score, needs)
  const counted = countedSoups(direction)
  const { tried } = counted
  const asked = new Set<string>()
  /** Soups that the strategy has asked for, or asks for whatever the scores are. */
  const proposed = new Set<string>()

  /** True once the search has a score that it can end with. */
  const mayEnd = () => tried.size > 0 || (isOutside && [...soups.ready.values()].some(({ soup }) => isSingle(soup)))

  const count = (soup: CandidateSoup, scored: ScoredSoup): ScoredCandidate => {
    const judged = counted.count(soup, scored)
    onScored(judged, tried.size, counted.best)
    return judged
  }

  const finish = async (soup: CandidateSoup): Promise<ScoredCandidate> => {
    const known = tried.get(keyOf(soup))
    if (known) return known
    const within = isOutside || tried.size > 0 ? deadline : undefined
    return count(soup, await beforeDeadline(soups.start(soup), within, mayEnd))
  }

  /** Measures the terms by the single models and the base that have been scored, and judges all soups so far. */
  const settle = async () => {
    const { terms, base } = search
    if (!terms || counted.standings) return
    const scored = base && (await beforeDeadline(soups.start(base), tried.size > 0 ? deadline : undefined, mayEnd))
    counted.measureBy(terms, scored ?? null)
  }

  /** Scores in order while the budget lasts, then throws {@link BudgetSpent} if candidates are left. */
  const scoreAll = async (candidates: readonly Candidate[], hear: (key: string) => void) => {
    const wanted = candidates.map(soupOf)
    const within = withinBudget(wanted.map(keyOf), tried, maximumEvaluations)
    for (const soup of wanted.slice(0, within)) {
      if (!tried.has(keyOf(soup))) soups.start(soup)
    }
    for (const soup of wanted.slice(0, within)) {
      await finish(soup)
      hear(keyOf(soup))
    }
    if (within < wanted.length) throw new BudgetSpent('evaluations')
  }

  /** Counts the soups that have a score by now and that the strategy has asked for, as far as the budget of evaluations goes. */
  const countReady = () => {
    for (const [key, { soup, scored }] of soups.ready) {
      const isMean = key === keyOf(mean)
      const isCounted = tried.has(key) || tried.size < maximumEvaluations
      if (isCounted && !tried.has(key) && (proposed.has(key) || isMean)) count(soup, scored)
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
      if (search.hasSpare() && tried.size < maximumEvaluations) soups.start(soup, true)
    },
  }

  /** Starts with the candidates that the strategy asks for whatever the scores are, as far as the budget of evaluations goes. */
  const startUpfront = () => {
    for (const soup of (search.strategy.upfront?.(context) ?? []).map(soupOf)) {
      if (soups.size >= maximumEvaluations) return
      proposed.add(keyOf(soup))
      soups.start(soup)
    }
  }

  const all = everyModel(models)
  const mean = candidateSoup(all, [])
  let findings: StrategyFindings = {}
  let stopped: BudgetKind | null = null
  try {
    if (search.base) soups.start(search.base)
    // The single models come first, since terms are measured by them.
    const singles = scoreSingles(context)
    // The mean of all models waits for no score.
    if (models < maximumEvaluations) soups.start(mean)
    if (isOutside) startUpfront()
    await singles
    await scoreAll([all], () => undefined)
    findings = await search.strategy.run(context)
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    stopped = error.kind
    if (isOutside && stopped === 'seconds') countReady()
    // The budget may be spent before all single models are scored.
    await settle().catch((failure: unknown) => {
      if (!(failure instanceof BudgetSpent) || !search.terms) throw failure
      counted.measureBy(search.terms, null)
    })
  }
  return {
    candidates: [...asked].flatMap(key => tried.get(key) ?? []),
    uniform: tried.get(keyOf(mean)) ?? null,
    findings,
    stopped,
    evaluations: tried.size,
    standings: counted.standings,
  }
}
