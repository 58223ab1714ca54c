import type { CandidateSoup } from '../merge/candidate-plan.ts'

/** A range of candidates that a search offers, to be scored by one of its terms. `term`: place of the term in the request. `fingerprint`: see `KeptScores.fingerprint`; a worker with another one must not score it. */
export type OfferedRange = { id: string; term: number; fingerprint: string; soups: readonly CandidateSoup[] }

/** A range that a worker has taken. `jobId`: the job of its search. */
export type TakenRange = OfferedRange & { jobId: string }

/** A worker that helps searches. `evaluators`: number of candidates that it scores at the same time. */
export type Helper = { id: string; evaluators: number }

/** The state of an offered range. `holder`: the worker that has taken it; null if none has. `beats`: the signs of life of that worker so far. */
export type RangeState = { id: string; holder: Helper | null; beats: number; isSettled: boolean }

/**
 * The board on which searches offer ranges of candidates to other workers. It only says who scores what: the scores are kept by what they are
 * scores of. So a range that is lost, or scored twice, costs time and changes no result.
 */
export type RangeBoard = {
  /** Offers ranges of a search. */
  offer(jobId: string, ranges: readonly OfferedRange[]): Promise<void>
  /** Returns the states of all ranges that a search offers. */
  states(jobId: string): Promise<RangeState[]>
  /** Removes ranges that no worker has taken. @returns their ids */
  takeBack(ids: readonly string[]): Promise<string[]>
  /** Removes ranges of a search, taken ones included. The workers that have them stop. @param ids undefined for all ranges */
  remove(jobId: string, ids?: readonly string[]): Promise<void>
  /** Calls `hear` soon after a worker has settled a range of a search, and sometimes without a reason. @returns a function that ends this */
  onSettled(jobId: string, hear: () => void): () => void

  /** Takes a range of a running search: of the search `jobId`, or of any search but those in `except`. */
  take(helper: Helper, among: { jobId: string } | { except: readonly string[] }): Promise<TakenRange | undefined>
  /** Gives a sign of life for ranges. @returns the ids of those that the worker should go on with */
  beat(helper: Helper, ids: readonly string[]): Promise<string[]>
  /** Returns true while the job of a search runs. */
  isRunning(jobId: string): Promise<boolean>
  /** Ends the work on a range. The search looks for its scores then, and scores the other candidates itself. */
  settle(helper: Helper, id: string): Promise<void>
  /** Gives a range back, so that another worker can take it. */
  release(helper: Helper, id: string): Promise<void>
  /** Calls `hear` soon after a search has offered ranges, and sometimes without a reason. @returns a function that ends this */
  onOffered(hear: () => void): () => void
}
