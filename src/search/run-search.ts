import { type BudgetKind, BudgetSpent, beforeDeadline } from './budget.ts'
import { candidateSoup, isSingle } from './candidate-soup.ts'
import { countedSoups } from './counted-soups.ts'
import { everyFew } from './every-few.ts'
import { goodness, rankOf } from './ranking.ts'
import type { ScoredCandidate, ScoredSoup } from './scored-candidate.ts'
import type { Search, SearchOutcome } from './search.ts'
import { type KeyedSoup, keyedSoup, startedSoups } from './started-soups.ts'
import { type Candidate, everyModel, type StrategyContext, type StrategyFindings, scoreSingles } from './strategy.ts'

/**
 * Runs a search: scores each model by itself, the mean of all models, then the candidates of the strategy. Several
 * soups are scored at a time, but counted in the order of the requests. So neither the number of processors nor an
 * interruption changes the outcome.
 * @throws any error that `score` throws
 */
export async function runSearch(search: Search): Promise<SearchOutcome> {
  const { models, groups, dimensions = [], method, direction, maximumEvaluations, deadline } = search
  const soupOf = (candidate: Candidate) => candidateSoup(candidate, groups, method?.fewest)
  const { score, needs, onScored, turn, isOutside = false } = search
  const soups = startedSoups(score, needs)
  const counted = countedSoups(direction)
  const { tried } = counted
  const asked = new Set<string>()
  /** Soups that the strategy has asked for, or asks for whatever the scores are. */
  const proposed = new Set<string>()

  /** True once the search has a score that it can end with. */
  const mayEnd = () => tried.size > 0 || (isOutside && [...soups.ready.values()].some(({ soup }) => isSingle(soup)))

  const count = (keyed: KeyedSoup, scored: ScoredSoup): ScoredCandidate => {
    const judged = counted.count(keyed, scored)
    onScored(judged, tried.size, counted.best)
    return judged
  }

  const finish = async (keyed: KeyedSoup): Promise<ScoredCandidate> => {
    const known = tried.get(keyed.key)
    if (known) return known
    const within = isOutside || tried.size > 0 ? deadline : undefined
    return count(keyed, await beforeDeadline(soups.start(keyed), within, mayEnd))
  }

  /** Measures the terms by the single models and the base that have been scored, and judges all soups so far. */
  const settle = async () => {
    const { terms, base } = search
    if (!terms || counted.standings) return
    const scored =
      base && (await beforeDeadline(soups.start(keyedSoup(base)), tried.size > 0 ? deadline : undefined, mayEnd))
    counted.measureBy(terms, scored ?? null)
  }

  /**
   * Starts with candidates while the budget of evaluations lasts. @param hears hears of each key, also of those that the budget leaves out
   * @returns the soups within the budget, in order, and whether candidates are left
   */
  const startAll = async (candidates: readonly Candidate[], hears: (key: string) => void) => {
    const within: KeyedSoup[] = []
    const fresh = new Set<string>()
    let isOver = false
    const isDue = everyFew()
    for (const candidate of candidates) {
      const keyed = keyedSoup(soupOf(candidate))
      hears(keyed.key)
      if (!tried.has(keyed.key)) fresh.add(keyed.key)
      isOver ||= tried.size + fresh.size > maximumEvaluations
      if (!isOver) {
        if (!tried.has(keyed.key)) soups.start(keyed)
        within.push(keyed)
      }
      if (isDue()) await turn()
    }
    return { within, isOver }
  }

  /** Scores in order while the budget lasts, then throws {@link BudgetSpent} if candidates are left. @param hear hears of each scored one */
  const scoreAll = async (
    candidates: readonly Candidate[],
    hear: (key: string) => void,
    hears: (key: string) => void = () => undefined,
  ) => {
    const { within, isOver } = await startAll(candidates, hears)
    const isDue = everyFew()
    for (const keyed of within) {
      await finish(keyed)
      hear(keyed.key)
      if (isDue()) await turn()
    }
    if (isOver) throw new BudgetSpent('evaluations')
  }

  /** Counts the soups that have a score by now and that the strategy has asked for, as far as the budget of evaluations goes. */
  const countReady = () => {
    for (const [key, { soup, scored }] of soups.ready) {
      const isMean = key === mean.key
      const isCounted = tried.has(key) || tried.size < maximumEvaluations
      if (isCounted && !tried.has(key) && (proposed.has(key) || isMean)) count({ key, soup }, scored)
      if (isCounted && proposed.has(key)) asked.add(key)
    }
  }

  const scoreRanked = async (
    candidates: readonly Candidate[],
    goodnessOf: (candidate: ScoredCandidate) => number,
  ): Promise<number[]> => {
    const keys: string[] = []
    const hear = (key: string) => {
      asked.add(key)
      keys.push(key)
    }
    await scoreAll(candidates, hear, key => proposed.add(key))
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
      if (search.hasSpare() && tried.size < maximumEvaluations) soups.start(keyedSoup(soupOf(candidate)), true)
    },
  }

  /** Starts with the candidates that the strategy asks for whatever the scores are, as far as the budget of evaluations goes. */
  const startUpfront = async () => {
    const isDue = everyFew()
    for (const candidate of search.strategy.upfront?.(context) ?? []) {
      if (soups.size >= maximumEvaluations) return
      const keyed = keyedSoup(soupOf(candidate))
      proposed.add(keyed.key)
      soups.start(keyed)
      if (isDue()) await turn()
    }
  }

  const all = everyModel(models)
  const mean = keyedSoup(candidateSoup(all, []))
  let findings: StrategyFindings = {}
  let stopped: BudgetKind | null = null
  try {
    if (search.base) soups.start(keyedSoup(search.base))
    // The single models come first, since terms are measured by them.
    const singles = scoreSingles(context)
    // The mean of all models waits for no score.
    if (models < maximumEvaluations) soups.start(mean)
    // Its error is thrown below, once the candidates below have been started.
    singles.catch(() => undefined)
    if (isOutside) await startUpfront()
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
    uniform: tried.get(mean.key) ?? null,
    findings,
    stopped,
    evaluations: tried.size,
    standings: counted.standings,
  }
}
