import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { CandidateLanes, LaneCandidate } from './candidate-lanes.ts'
import type { FoundScore } from './kept-scores.ts'
import type { Subject } from './score-subject.ts'
import type { ScoringSession } from './search-session.ts'

/** A candidate of a search, by one of its terms. `term`: its place in the request. `found` hears the score if another worker has kept it. */
export type SearchedCandidate = LaneCandidate & {
  term: number
  soup: CandidateSoup
  subject: Subject
  found(score: FoundScore): void
}

/** The evaluators that score the candidates of a search. */
export type CandidateScoring = Pick<CandidateLanes, 'compare' | 'tellMistakes' | 'end'> & {
  /** Number of evaluators of other workers that have helped a few seconds ago. */
  readonly helping: number
  score(candidate: SearchedCandidate): void
}

/** Scores the candidates of a search in the evaluators of this process. */
export function scoreHere(session: ScoringSession): CandidateScoring {
  const { add, compare, tellMistakes, end } = session.lanes()
  return { helping: 0, score: candidate => add([candidate], 'last'), compare, tellMistakes, end }
}
