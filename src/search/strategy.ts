import type { Dimension } from './dimension.ts'
import type { ShapleyValue } from './shapley.ts'

/**
 * A soup to be tried: a weight for each model of the search, in the order of the request; 0 leaves a model out. With `groups`,
 * the tensors of each of the search's groups have weights of their own, and `weights` are those of all other tensors.
 */
export type Candidate = {
  weights: readonly number[]
  groups?: readonly (readonly number[])[]
  /** Parameters of the method that the search chooses. */
  parameters?: Readonly<Record<string, number>>
}

/** What a strategy is given to search with. */
export type StrategyContext = {
  /** How many models there are. */
  models: number
  /** How many groups of tensors have weights of their own, besides the rest of the tensors; 0 without groups. */
  groups: number
  /** Parameters of the method to search, if any. */
  dimensions?: readonly Dimension[]
  /** Whether the method weighs models, as most do. */
  hasWeights?: boolean
  /**
   * Scores candidates, side by side where that is faster, and returns how good they are, in their order: more is better whatever
   * the metric's direction, -Infinity for what has no score. A candidate that was scored before costs nothing.
   * Rejects when the search is to end, which the strategy lets pass: what was scored until then is kept.
   */
  score(candidates: readonly Candidate[]): Promise<number[]>
  /** Says what may be asked for next, so that an idle processor can begin with it. Changes no result. */
  anticipate(candidate: Candidate): void
}

/** The worst place on the line between two models: how far it lies below the straight line between the scores of its ends. */
export type Barrier = { value: number; alpha: number }

/** What a strategy that was not ended early has found out besides scores. In terms of "more is better". */
export type Findings = { contributions?: ShapleyValue[]; barrier?: Barrier }

/** One way to search. Which of the candidates won is not its business. */
export type Strategy = {
  /** How many candidates a search scores at most: each model by itself and the mean of all, which come first, among them. */
  candidates(models: number, groups: number, dimensions?: number): number
  /**
   * Scores candidates until it is through. The same scores always lead to the same candidates in the same order.
   */
  run(context: StrategyContext): Promise<Findings>
}

/** A model by itself. */
export function single(model: number, models: number): Candidate {
  return subset([model], models)
}

/** The mean of some models. */
export function subset(members: readonly number[], models: number): Candidate {
  return { weights: Array.from({ length: models }, (_, model) => (members.includes(model) ? 1 : 0)) }
}

/** The mean of all models. */
export function everyModel(models: number): Candidate {
  return { weights: Array.from({ length: models }, () => 1) }
}

/** How good each model by itself is, in their order. */
export function scoreSingles({ models, score }: Pick<StrategyContext, 'models' | 'score'>): Promise<number[]> {
  return score(Array.from({ length: models }, (_, model) => single(model, models)))
}
