import type { CandidateSoup } from '../merge/candidate-plan.ts'

/**
 * A score, null if the metric gave none. `seconds`: time spent scoring. `cached`: true if another job computed the
 * score before. `note`: an assumption of the scoring. `ignored`: number of targets that the score leaves out.
 * `failure`: why a scorer outside of the server gave none.
 */
export type Scored = {
  value: number | null
  seconds: number
  cached: boolean
  note?: string | undefined
  ignored?: number | undefined
  failure?: string | undefined
}

/** The score of a soup. `terms`: its score in each term of the objective, if the search has one; its `value` is null until it is judged. */
export type ScoredSoup = Scored & { terms?: readonly Scored[] | undefined }

/**
 * A soup with its score, which is the objective in a search by terms. `misses`: indices of the terms whose threshold it misses; undefined in
 * a search without terms.
 */
export type ScoredCandidate = ScoredSoup & { soup: CandidateSoup; misses?: readonly number[] | undefined }
