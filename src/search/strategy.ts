import type { SearchDimension } from './dimension.ts'
import type { PairFindings } from './pair-barriers.ts'
import type { ShapleyValue } from './shapley.ts'

/**
 * A candidate soup: a weight for each model of the search, in the order of the request. A weight of 0 leaves a model
 * out. With `groups`, each group of tensors has weights of its own, and `weights` holds for all other tensors.
 */
export type Candidate = {
  weights: readonly number[]
  groups?: readonly (readonly number[])[]
  /** Values of the parameters that the search chooses. */
  parameters?: Readonly<Record<string, number>>
}

/** Everything that a strategy searches with. */
export type StrategyContext = {
  /** The number of models. */
  models: number
  /** The number of groups of tensors with weights of their own. Tensors outside of groups are one more set. */
  groups: number
  /** Parameters of the merge method that the search chooses, if any. */
  dimensions?: readonly SearchDimension[]
  /** True if the merge method has weights. Defaults to true. */
  hasWeights?: boolean
  /**
   * Scores candidates, several at a time if that is faster. Returns their goodness in the order of the candidates: more
   * is better for every metric, and -Infinity means no score, or a threshold missed. A candidate that was scored before costs nothing. Rejects
   * when the budget is spent. The strategy must let this error pass; earlier scores are kept.
   */
  score(candidates: readonly Candidate[]): Promise<number[]>
  /**
   * Scores candidates like `score`. But a candidate that misses a threshold has the goodness of its objective. Defaults to `score`. For
   * strategies that compute with goodness, rather than compare it.
   */
  measure?(candidates: readonly Candidate[]): Promise<number[]>
  /** Names a candidate that may be asked for next, so that an idle processor can start on it. Changes no result. */
  anticipate(candidate: Candidate): void
}

/**
 * The place on the line between two models where the score drops most below linear interpolation between the end
 * scores.
 */
export type Barrier = { value: number; alpha: number }

/** Findings of a strategy besides scores. Only a strategy that has finished has them; in them, more is better. */
export type StrategyFindings = { contributions?: ShapleyValue[]; barrier?: Barrier; pairs?: PairFindings }

/** One way to propose candidates. A strategy does not choose the winner. */
export type Strategy = {
  /**
   * Returns the largest number of candidates that a search scores, including each single model and the mean of all
   * models.
   */
  candidates(models: number, groups: number, dimensions?: number): number
  /** Returns the first candidates that the strategy asks for, if they do not depend on scores. */
  upfront?(context: Pick<StrategyContext, 'models' | 'groups' | 'dimensions' | 'hasWeights'>): Candidate[]
  /**
   * Scores candidates until the strategy has finished. Equal scores always lead to the same candidates in the same
   * order.
   */
  run(context: StrategyContext): Promise<StrategyFindings>
}

/** Returns the candidate that is one model by itself. */
export function single(model: number, models: number): Candidate {
  return subset([model], models)
}

/** Returns the candidate that is the mean of some models. */
export function subset(members: readonly number[], models: number): Candidate {
  return { weights: Array.from({ length: models }, (_, model) => (members.includes(model) ? 1 : 0)) }
}

/** Returns the candidate that is the mean of all models. */
export function everyModel(models: number): Candidate {
  return { weights: Array.from({ length: models }, () => 1) }
}

/** Returns the goodness of each model by itself, in the order of the models. */
export function scoreSingles({ models, score }: Pick<StrategyContext, 'models' | 'score'>): Promise<number[]> {
  return score(Array.from({ length: models }, (_, model) => single(model, models)))
}
