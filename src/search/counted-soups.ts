import { isSingle } from './candidate-soup.ts'
import type { ObjectiveTerm } from './objective.ts'
import { bestOf, type Direction } from './ranking.ts'
import type { ScoredCandidate, ScoredSoup } from './scored-candidate.ts'
import { judgeByTerms, type Standings } from './standings.ts'
import type { KeyedSoup } from './started-soups.ts'

/** The soups that count: those whose scores the search has taken, in the order in which it took them. */
export type CountedSoups = {
  /** By key. Once the terms are measured, each with what it gains by them. */
  readonly tried: ReadonlyMap<string, ScoredCandidate>
  /** The best soup so far. A search by terms has none before the terms are measured. */
  readonly best: ScoredCandidate | undefined
  /** The measured terms; null before, and in a search without terms. */
  readonly standings: Standings | null
  count(keyed: KeyedSoup, scored: ScoredSoup): ScoredCandidate
  /** Measures the terms by the single models so far and the base, and judges all soups. */
  measureBy(terms: readonly ObjectiveTerm[], base: ScoredSoup | null): void
}

export function countedSoups(direction: Direction): CountedSoups {
  const tried = new Map<string, ScoredCandidate>()
  let best: ScoredCandidate | undefined
  let standings: Standings | null = null
  return {
    tried,
    get best() {
      return best
    },
    get standings() {
      return standings
    },
    count({ key, soup }, scored) {
      const candidate = { soup, ...scored }
      const judged = standings ? standings.judge(candidate) : candidate
      tried.set(key, judged)
      best = bestOf(best ? [best, judged] : [judged], direction)
      return judged
    },
    measureBy(terms, base) {
      const singles = [...tried.values()].filter(({ soup }) => isSingle(soup))
      const measured = judgeByTerms(terms, singles, base)
      standings = measured
      for (const [key, candidate] of tried) tried.set(key, measured.judge(candidate))
      best = bestOf([...tried.values()], direction)
    },
  }
}
