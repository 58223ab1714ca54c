import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { BudgetKind } from './budget.ts'
import type { SearchDimension } from './dimension.ts'
import type { ObjectiveTerm } from './objective.ts'
import type { Direction } from './ranking.ts'
import type { ScoredCandidate, ScoredSoup } from './scored-candidate.ts'
import type { Standings } from './standings.ts'
import type { Strategy, StrategyFindings } from './strategy.ts'

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
  /** Waits until others have had their turn on the event loop. Called between few soups: a search may have tens of thousands. */
  turn(): Promise<void>
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
