import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { ScoredSoup } from './scored-candidate.ts'

/** A soup, and the text by which equal soups are known as one. */
export type KeyedSoup = { key: string; soup: CandidateSoup }

/** The soups whose scoring has begun, each once. */
export type StartedSoups = {
  /** Number of different soups. */
  readonly size: number
  /** Scores that are there, by the soup's key, also of soups that do not count yet. */
  readonly ready: ReadonlyMap<string, { soup: CandidateSoup; scored: ScoredSoup }>
  /** Scores a soup. @param isAnticipated true while the search can go on without this score */
  start(keyed: KeyedSoup, isAnticipated?: boolean): Promise<ScoredSoup>
}

/**
 * @param score scores a soup; called once for each
 * @param needs hears that the search cannot go on without the score of an anticipated soup any more
 */
export function startedSoups(
  score: (soup: CandidateSoup, isAnticipated?: boolean) => Promise<ScoredSoup>,
  needs: (soup: CandidateSoup) => void = () => undefined,
): StartedSoups {
  const started = new Map<string, Promise<ScoredSoup>>()
  const ready = new Map<string, { soup: CandidateSoup; scored: ScoredSoup }>()
  const anticipated = new Set<string>()
  return {
    get size() {
      return started.size
    },
    ready,
    start({ key, soup }, isAnticipated = false) {
      const known = started.get(key)
      if (known && !isAnticipated && anticipated.delete(key)) needs(soup)
      if (known) return known
      const scored = score(soup, isAnticipated)
      if (isAnticipated) anticipated.add(key)
      // A caller that awaits the promise gets the error. Without this handler, a score that nobody awaits would crash the
      // process.
      scored.then(
        value => ready.set(key, { soup, scored: value }),
        () => undefined,
      )
      started.set(key, scored)
      return scored
    },
  }
}

export function keyedSoup(soup: CandidateSoup): KeyedSoup {
  return { key: JSON.stringify(soup), soup }
}
