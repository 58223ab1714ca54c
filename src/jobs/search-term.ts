import type { ScorerReference } from '../../schemas/search-terms.ts'
import type { ObjectiveTerm } from '../search/objective.ts'
import type { Direction } from '../search/ranking.ts'
import type { Threshold } from '../search/threshold.ts'
import type { Scoring } from './resolve-scoring.ts'

/** A data set and the scoring metric that this server computes on it. */
export type DatasetScoring = { kind: 'dataset' } & Scoring

/** A scorer outside of the server. `reuse`: true if scores that other jobs have kept count. */
export type ExternalScoring = { kind: 'external'; scorer: ScorerReference; direction: Direction; reuse: boolean }

export type TermScoring = DatasetScoring | ExternalScoring

/**
 * One term of what a search chooses by. A search without a list has one term, of weight 1 and without a threshold.
 * `test`: null if the request has no test; otherwise of the same kind as `selection`.
 */
export type SearchTerm = {
  weight: number
  /** The worst score that a candidate may have; null if none is ruled out. */
  atLeast: Threshold | null
  selection: TermScoring
  test: TermScoring | null
}

/** Returns the direction in which scores of a term are better. */
export function directionOf(scoring: TermScoring): Direction {
  return scoring.kind === 'dataset' ? scoring.metric.direction : scoring.direction
}

/** Returns the terms of the objective. */
export function objectiveTerms(terms: readonly SearchTerm[]): ObjectiveTerm[] {
  return terms.map(({ selection, weight, atLeast }) => ({ direction: directionOf(selection), weight, atLeast }))
}

/** Returns the direction in which candidates are better: that of the only term, or `max` for the objective of a list. */
export function directionOfScores({ terms, isList }: { terms: readonly SearchTerm[]; isList: boolean }): Direction {
  const [term] = terms
  return term && !isList ? directionOf(term.selection) : 'max'
}

/** True if the server scores by itself, on a data set. */
export function isOnDataset(scoring: TermScoring): scoring is DatasetScoring {
  return scoring.kind === 'dataset'
}

/** True if scorers outside of the server score all terms: then the search needs no evaluator. */
export function isAllOutside(terms: readonly SearchTerm[]): boolean {
  return terms.every(({ selection }) => !isOnDataset(selection))
}

/** Returns the scorings of terms on data sets: of selections, and of tests. */
export function datasetScorings(terms: readonly SearchTerm[]): DatasetScoring[] {
  return terms.flatMap(({ selection, test }) =>
    [selection, test].flatMap(each => (each?.kind === 'dataset' ? [each] : [])),
  )
}

/** Returns a term in words: the scoring metric and the data set, or the scorer. */
export function termName({ selection }: SearchTerm): string {
  if (selection.kind === 'external') return `${selection.scorer.name} ${selection.scorer.version}`
  const { dataset, metric } = selection
  return `${metric.task.name} on ${dataset.name ?? dataset.id}`
}

/** True if test of a term has the samples that choose the winner: the same data set, and the same arrays of it as inputs. */
export function isTestedOnSelection({ selection, test }: SearchTerm): boolean {
  if (selection.kind !== 'dataset' || test?.kind !== 'dataset') return false
  if (test.dataset.sha256 !== selection.dataset.sha256) return false
  const chosenBy = new Set(selection.dataset.binding.inputs.map(({ array }) => array))
  return test.dataset.binding.inputs.every(({ array }) => chosenBy.has(array))
}
