import { randomUUID } from 'node:crypto'
import type { SearchedCandidate } from './candidate-scoring.ts'
import type { Helper, RangeState } from './range-board.ts'

/** Milliseconds of a spread search. */
export type SpreadTimes = {
  /** Between two looks at offered ranges, without news of them. */
  look: number
  /** Without a sign of life until a worker is lost, and its candidates come back. */
  lost: number
  /** Until idle evaluators score the candidates of a worker as well, beyond half more than the expected time. */
  grace: number
  /** Until a worker that has not helped yet scores a candidate: it fetches the files of the search, and starts evaluators. */
  opening: number
}

/** `staysHere`: it is not offered, because another worker had it, and gave no score or took too long. */
export type SharedCandidate = SearchedCandidate & { isDone: boolean; staysHere: boolean }

/**
 * `takenAt`: milliseconds when this process first saw that a worker has the range; undefined before. `isDoubled`: own evaluators score its
 * candidates, too.
 */
export type Offer = {
  id: string
  term: number
  candidates: readonly SharedCandidate[]
  isTaken: boolean
  takenAt: number | undefined
  beats: number
  beatAt: number
  isDoubled: boolean
}

/** Returns new offers of candidates, one for each of their terms. */
export function offersOf(candidates: readonly SharedCandidate[]): Offer[] {
  return [...Map.groupBy(candidates, each => each.term)].map(([term, ofTerm]) => ({
    id: randomUUID(),
    term,
    candidates: ofTerm,
    isTaken: false,
    takenAt: undefined,
    beats: 0,
    beatAt: 0,
    isDoubled: false,
  }))
}

/** Returns the candidates of an offer that have neither a score nor an error. */
export function unfinished({ candidates }: Offer): SharedCandidate[] {
  return candidates.filter(({ isDone }) => !isDone)
}

/** Takes note of what the board tells of an offer. @returns milliseconds since the last sign of life of its worker; 0 without one */
export function silenceOf(offer: Offer, { holder, beats }: RangeState, now: number): number {
  const wasTaken = offer.isTaken
  offer.isTaken = holder !== null
  if (!holder) return 0
  offer.takenAt ??= now
  if (!wasTaken || beats !== offer.beats) {
    offer.beats = beats
    offer.beatAt = now
  }
  return now - offer.beatAt
}

/** The workers that have taken ranges of a search. */
export type SpreadHelpers = {
  /** Number of their evaluators, of workers that were seen a short time ago. */
  readonly evaluators: number
  saw(helper: Helper): void
  lost(helper: Helper): void
}

/** @param recent milliseconds after which a worker that was not seen does not count */
export function spreadHelpers(recent: number, now: () => number): SpreadHelpers {
  const helpers = new Map<string, { evaluators: number; seenAt: number }>()
  return {
    get evaluators() {
      const seen = [...helpers.values()].filter(({ seenAt }) => now() - seenAt < recent)
      return seen.reduce((sum, { evaluators }) => sum + evaluators, 0)
    },
    saw: ({ id, evaluators }) => void helpers.set(id, { evaluators, seenAt: now() }),
    lost: ({ id }) => void helpers.delete(id),
  }
}
